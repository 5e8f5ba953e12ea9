//! The rules of every operation. Independent of gRPC and HTTP; SQL is in the store.

pub mod audit;
pub mod chat_bulk;
pub mod chat_lists;
pub mod chat_properties;
pub mod chats;
pub mod command_notifier;
pub mod commands;
pub mod connections;
mod credentials;
pub mod events;
pub mod idempotency;
pub mod ingest;
pub mod keys;
pub mod labels;
pub mod media;
pub mod members;
pub mod message_lists;
pub mod name;
pub mod notes;
pub mod orgs;
pub mod page;
mod precondition;
pub mod properties;
pub mod read_state;
mod retention;
pub mod search;
pub mod senders;
pub mod sends;
pub mod session_chats;
mod session_ids;
pub mod session_lists;
pub mod sessions;
mod violations;
pub mod watch;
pub mod webhooks;

pub use self::precondition::Precondition;
