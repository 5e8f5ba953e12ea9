//! Step 2, plan: locks the rows that a batch touches and works out their new values. The store writes them.

mod chats;
mod contacts;
mod context;
mod inbox;
mod members;
mod merged_messages;
mod message_events;
mod message_rows;
mod messages;
mod session_chat;
mod session_chats;
mod sessions;
mod versions;
mod waiting;

pub(super) use merged_messages::{move_messages, move_waiting, rename_authors, set_quoted};
pub(super) use message_rows::from_row;
pub(super) use session_chats::{merge as merge_session_chats, recount};
pub(super) use sessions::resolve;

use std::collections::BTreeSet;

use super::change::{Change, SessionEvent, SessionName};
use super::scope::SessionScope;
use super::transaction::Rejections;
use crate::ids::{ChatAddress, SessionId};
use crate::store::ingest::retry_when_deleted;
use crate::store::{StoreResult, Transaction, claims};
use context::Context;

/// Stores updates again whose message or chat was stored at the same moment, at these addresses of chats.
///
/// One that could mean several messages by now is dropped.
pub(super) fn replay(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    addresses: &[(usize, ChatAddress)],
) -> StoreResult<Rejections> {
    let addresses: Vec<&ChatAddress> = addresses.iter().map(|(_, address)| address).collect();
    let changes = waiting::take_arrived(tx, &addresses)?
        .into_iter()
        .map(|(session, change)| (0, SessionEvent { session: SessionName::Id(session), change }));
    let events: Vec<(usize, SessionEvent)> = changes.collect();
    if !events.is_empty() {
        write(tx, &scope.of_all_sessions(), &events)?;
    }
    Ok(Rejections::new())
}

/// The chats of which the batch may change nothing that other sessions share, since the key only claims them.
fn claimed_chats(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    changes: &[(usize, SessionId, &Change)],
) -> StoreResult<BTreeSet<ChatAddress>> {
    let is_of_all = |change: &Change| {
        matches!(change, Change::Chat { .. } | Change::Members { .. } | Change::Inbox { .. })
    };
    let of_all = changes.iter().filter(|(.., change)| is_of_all(change));
    let chats: BTreeSet<&ChatAddress> = of_all.filter_map(|(.., change)| change.chat()).collect();
    claims::of(tx, scope.org, scope.claimant(), &chats.into_iter().collect::<Vec<_>>())
}

/// Plans and writes the events of one transaction. Rows are locked in the order that `store::ingest` describes.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<Rejections> {
    let (resolved, mut rejections) = sessions::resolve(tx, scope, events)?;
    let claimed = claimed_chats(tx, scope, &resolved)?;
    let (inboxes, invalid) = inbox::resolve(tx, scope.org, &resolved, &claimed)?;
    rejections.extend(invalid);
    let rejected: BTreeSet<usize> = rejections.iter().map(|(index, _)| *index).collect();
    let accepted = resolved.into_iter().filter(|(index, ..)| !rejected.contains(index));
    let accepted: Vec<_> = accepted.collect();
    let steps = |tx: &mut Transaction<'_>| -> StoreResult<Rejections> {
        let context = Context::new(tx, scope, accepted.clone())?;
        let found = chats::find(tx, &context)?;
        let early = waiting::take_member_changes(tx, &context, &found)?;
        let context = match early.is_empty() {
            true => context,
            false => {
                let early = early.iter().map(|(session, change)| (usize::MAX, *session, change));
                Context::new(tx, scope, accepted.into_iter().chain(early).collect())?
            }
        };
        contacts::write(tx, &context, &found)?;
        let mut chats = chats::create_missing(tx, &context, found)?;
        chats::write(tx, &context, &mut chats, (scope.claimant(), &claimed))?;
        inbox::write(tx, &context, &inboxes, &mut chats)?;
        let mut session_chats = session_chats::lock(tx, &context, &chats, scope.claimant())?;
        waiting::keep_changes_of_chats(tx, &context, &chats, &session_chats)?;
        let invalid = messages::write(tx, scope, &context, &chats, &mut session_chats)?;
        session_chats.write(tx, context.org, context.now)?;
        sessions::write_statuses(tx, &context)?;
        Ok(invalid)
    };
    rejections.extend(steps(tx).map_err(retry_when_deleted)?);
    Ok(rejections)
}
