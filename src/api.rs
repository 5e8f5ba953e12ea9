//! The tonic services. A handler reads its request, calls an action and converts the result.

mod api_keys;
mod callers;
mod changes;
mod chat_filters;
mod chat_object;
mod chats;
mod checks;
mod connections;
mod etag;
mod guard;
mod idempotency;
mod ingest;
mod labels;
mod mask;
mod members;
mod messages;
mod notes;
mod offset_pages;
mod parse;
mod properties;
mod search;
mod sends;
mod sessions;
mod state;
mod streams;
mod webhooks;
mod write;

pub use changes::webhook_event;
pub use checks::FieldChecks;
pub use guard::{guard, reader};
pub use ingest::IngestApi;
pub use state::Api;
