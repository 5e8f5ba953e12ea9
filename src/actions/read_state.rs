//! Marking a chat read or unread, by whichever API it is asked for.
//!
//! Both agree with what connectors tell of reading. The read mark only moves forward, here to the newest message, so
//! that an older one which arrives late is read as well. Unread is only a count: the mark stays, one message counts as
//! unread where none did, and whatever is read or arrives next goes on from there.

use super::commands;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::store::{Connection, StoreResult, read_state};

/// What a chat is marked as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// Every message up to the newest one is read.
    Read,
    /// Something is unread: at least one message.
    Unread,
}

/// Marks the chat as that session holds it. What is marked so already, or is not there, is not touched.
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
    if has_changed { commands::keep_read(connection, org, session, address, is_read) } else { Ok(()) }
}
