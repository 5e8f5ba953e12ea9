//! What the connections of sessions can send.

use std::sync::Arc;

use super::content::SendContent;
use crate::caller::Caller;
use crate::error::{Error, Kind};
use crate::ids::{OrgId, SessionId};
use crate::store::{Connection, StoreResult};

/// What the connections of sessions can send.
pub trait SendRules: Send + Sync {
    /// The id under which the gateway is to send the message; `None` when it chooses the id.
    ///
    /// # Errors
    ///
    /// [`no_connection`], or [`unsupported`] when the connection cannot send such a content.
    fn check(
        &self,
        connection: &mut Connection,
        caller: &Caller,
        session: SessionId,
        content: &SendContent,
    ) -> StoreResult<Option<String>>;

    /// Sends a session's queue at once. Called when a new send is committed.
    fn queued(&self, org: OrgId, session: SessionId);
}

/// The rules of this process.
pub type Rules = Arc<dyn SendRules>;

/// The error when the session has no connection.
pub fn no_connection() -> Error {
    Error::new(Kind::FailedPrecondition, "session has no connection")
}

/// The error when the session's connection cannot send such a content.
pub fn unsupported(reason: &str) -> Error {
    Error::invalid("type", format_args!("must be one that the connection can send: {reason}"))
}
