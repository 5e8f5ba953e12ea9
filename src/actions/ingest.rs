//! Ingest: events of connectors become the stored copy.
//!
//! The same events in any order, any number of times and over any number of streams end in the same copy. Of contacts and
//! chats without a version the last arrival wins, field by field.
//!
//! An event passes three steps: `parse` checks it by itself and types its values; `plan` locks the rows that a batch
//! touches and works out their new values; `store::ingest` writes them, one statement for each kind of row.

mod batch;
mod change;
mod expiry;
pub mod export;
mod link;
mod link_claims;
mod memberships;
mod merge;
mod message_state;
mod parse;
mod persons;
mod plan;
mod scope;
mod setup;
mod transaction;
mod within;

pub use batch::{Applied, Batch, apply};
pub use expiry::delete_expired;
pub(super) use parse::stored_json;
pub use scope::SessionScope;
pub use transaction::Mark;
pub(super) use within::{apply_within, rename_message, set_quoted};

pub use crate::pb::IngestEvent;
