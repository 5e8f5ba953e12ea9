//! Marking a chat read or unread, for both APIs.
//!
//! The read mark only moves forward, here to the newest message, so that an older message which arrives late counts as read.
//! Marking a chat unread keeps the mark and sets the unread count to at least one; later reads and messages change it.

use super::commands;
use crate::ids::{ChatAddress, SessionId};
use crate::store::{StoreResult, Transaction, read_state};

/// The state to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// Every message up to the newest one is read.
    Read,
    /// At least one message is unread.
    Unread,
}

/// Marks a session's chat. Does nothing if it has that state or does not exist.
pub(super) fn mark(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
    state: ReadState,
) -> StoreResult<()> {
    let changed = match state {
        ReadState::Read => read_state::mark_read(tx, session, address)?,
        ReadState::Unread => read_state::mark_unread(tx, session, address)?,
    };
    let Some((chat_key, read_up_to)) = changed else { return Ok(()) };
    let org = tx.org();
    commands::enqueue_read(tx, org, session, chat_key, (state == ReadState::Read, read_up_to))
}
