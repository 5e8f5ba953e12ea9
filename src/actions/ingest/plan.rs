//! Step 2, plan: locks the rows that a batch touches and works out their new values. The store writes them.

mod chats;
mod contacts;
mod context;
mod inbox;
mod members;
mod message_rows;
mod messages;
mod session_chats;
mod sessions;

pub(super) use message_rows::from_row;
pub(super) use messages::{apply_pending_receipts, merge_messages};
pub(super) use session_chats::{marked_unread, recount};
pub(super) use sessions::resolve;

use std::collections::BTreeSet;

use super::change::SessionEvent;
use super::scope::SessionScope;
use super::transaction::Rejections;
use crate::store::ingest::retry_when_deleted;
use crate::store::{Connection, StoreResult};
use context::Context;

/// Plans and writes the events of one transaction. Rows are locked in the order that `store::ingest` describes.
pub(super) fn write(
    connection: &mut Connection,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<Rejections> {
    let (resolved, mut rejections) = sessions::resolve(connection, scope, events)?;
    let (inboxes, invalid) = inbox::resolve(connection, scope.org, &resolved)?;
    rejections.extend(invalid);
    let rejected: BTreeSet<usize> = rejections.iter().map(|(index, _)| *index).collect();
    let accepted = resolved.into_iter().filter(|(index, ..)| !rejected.contains(index));
    let changes = accepted.map(|(_, session, change)| (session, change)).collect();
    let steps = |connection: &mut Connection| {
        let context = Context::new(connection, scope.org, changes)?;
        let found = chats::find(connection, &context)?;
        contacts::write(connection, &context, &found)?;
        let chats = chats::create_missing(connection, &context, found)?;
        chats::write(connection, &context, &chats)?;
        inbox::write(connection, &context, &inboxes, &chats)?;
        let mut session_chats = session_chats::lock(connection, &context, &chats)?;
        messages::write(connection, &context, &chats, &mut session_chats)?;
        session_chats.write(connection, context.org, context.now)?;
        sessions::write_statuses(connection, &context)
    };
    steps(connection).map_err(retry_when_deleted)?;
    Ok(rejections)
}
