//! Which chat to read, and whose view of it.

use std::sync::Arc;

use switchboard_core::caller::{Caller, Claimant};
use switchboard_core::ids::{ChatAddress, PhoneSelector, SessionId};

/// A chat, and the session whose state of it is read.
#[derive(Clone, Debug)]
pub struct ChatSelector {
    /// Any address of the chat.
    pub address: ChatAddress,
    /// The session's phone; `None` for the session with the newest activity in the chat.
    pub phone: Option<PhoneSelector>,
    /// Only these sessions; `None` for all of the organization.
    pub sessions: Option<Arc<[SessionId]>>,
    /// The member from whom chats may be hidden; `None` sees all.
    pub viewer: Option<Arc<str>>,
    /// The key that shares no chats that only it reported.
    pub claimant: Option<Claimant>,
}

impl ChatSelector {
    /// What a caller sees of a chat, with the state of the session with that phone.
    pub fn of(caller: &Caller, address: ChatAddress, phone: Option<PhoneSelector>) -> Self {
        let (sessions, viewer, claimant) =
            (caller.sessions.clone(), caller.viewer(), caller.claimant.clone());
        Self { address, phone, sessions, viewer, claimant }
    }
}
