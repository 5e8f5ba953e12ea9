//! The rules: what a call may do and what follows from it. Knows nothing of gRPC or HTTP, and leaves SQL to the store.

pub mod audit;
pub mod chat_bulk;
pub mod chat_lists;
pub mod chat_properties;
pub mod chats;
pub mod commands;
pub mod events;
pub mod idempotency;
pub mod ingest;
pub mod keys;
pub mod labels;
pub mod members;
pub mod message_lists;
mod name;
pub mod offset_pages;
pub mod orgs;
pub mod page;
pub mod properties;
pub mod read_state;
pub mod search;
pub mod senders;
pub mod session_chats;
pub mod session_lists;
pub mod sessions;
pub mod watch;
pub mod webhooks;

use crate::error::{Error, Kind, Result};

/// What a caller requires of the state it is about to change. Checked inside the transaction, after the lock.
pub struct Precondition<V>(Option<Test<V>>);

type Test<V> = Box<dyn Fn(&V) -> bool + Send>;

impl<V> Precondition<V> {
    /// Requires nothing.
    pub const NONE: Self = Self(None);

    /// Requires that the current state satisfies the test.
    pub fn new(is_met: impl Fn(&V) -> bool + Send + 'static) -> Self {
        Self(Some(Box::new(is_met)))
    }

    /// Whether there is anything to check.
    fn is_some(&self) -> bool {
        self.0.is_some()
    }

    fn check(&self, current: &V) -> Result<()> {
        match &self.0 {
            Some(is_met) if !is_met(current) => {
                Err(Error::new(Kind::VersionMismatch, "it is not the version that the request is meant for"))
            }
            _ => Ok(()),
        }
    }
}
