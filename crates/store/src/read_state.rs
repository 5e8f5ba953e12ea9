//! The read mark and the unread count of a chat in one session.

use diesel::prelude::*;

use super::connection::StoreResult;
use super::org_rows::org_rows;
use super::prepared::prepared;
use super::schema::session_chats;
use super::session_chat_state::{SessionChatState, record_update};
use super::session_chats::lock;
use super::touch::touched;
use super::transaction::Transaction;
use switchboard_core::ids::{ChatAddress, SessionId};
use switchboard_core::instant::Instant;

/// A changed chat's key and read mark; `None` when nothing was written.
type Marked = Option<(i64, Option<Instant>)>;

/// Moves the read mark forward to the newest message and sets the unread count to 0.
pub fn mark_read(tx: &mut Transaction<'_>, session: SessionId, address: &ChatAddress) -> StoreResult<Marked> {
    change(tx, session, address, |state| {
        state.read_up_to = state.read_up_to.max(state.last_message_at);
        state.unread = Some(0);
        // Without a mark nothing else says that the count is known.
        state.read_up_to.is_none().then_some(0)
    })
}

/// Sets the unread count to 1 if it is 0 or unset; the read mark stays.
pub fn mark_unread(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<Marked> {
    change(tx, session, address, |state| {
        state.unread = state.unread.max(Some(1));
        Some(1)
    })
}

/// Changes the state; `apply` returns the least unread count from then on.
fn change(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
    apply: impl FnOnce(&mut SessionChatState) -> Option<i32>,
) -> StoreResult<Marked> {
    let org = tx.org();
    let Some((chat_key, before)) = lock(tx, org, session, address)? else { return Ok(None) };
    let mut after = before.clone();
    let min_unread = apply(&mut after);
    if after == before {
        return Ok(None);
    }
    let row = diesel::update(org_rows!(session_chats, org, session_id = session, chat_key = chat_key));
    let update = row.set((
        session_chats::read_up_to.eq(after.read_up_to),
        session_chats::unread.eq(after.unread),
        session_chats::min_unread.eq(min_unread),
        session_chats::updated_at.eq(touched!(session_chats::updated_at)),
    ));
    prepared(update.returning(session_chats::chat_key)).get_results::<i64>(&mut **tx)?;
    record_update(tx, session, chat_key, &before, &after);
    Ok(Some((chat_key, after.read_up_to)))
}
