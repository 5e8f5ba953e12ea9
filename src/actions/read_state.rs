//! Marking a chat read or unread, for both APIs.
//!
//! The read mark only moves forward, here to the newest message, so that an older message which arrives late counts as read.
//! Marking a chat unread keeps the mark and sets the unread count to at least one; later reads and messages change it.

use super::commands;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::store::{Connection, StoreResult, read_state};

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
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    state: ReadState,
) -> StoreResult<()> {
    let is_read = state == ReadState::Read;
    let has_changed = match state {
        ReadState::Read => read_state::mark_read(connection, org, session, address)?,
        ReadState::Unread => read_state::mark_unread(connection, org, session, address)?,
    };
    if has_changed { commands::enqueue_read(connection, org, session, address, is_read) } else { Ok(()) }
}
