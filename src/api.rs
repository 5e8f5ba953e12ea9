//! The tonic services. Each RPC reads the same: who is calling, what they ask, do it, answer.

mod changes;
mod chat_bulk;
mod chat_lists;
mod chat_object;
mod chats;
mod etag;
mod guard;
mod idempotency;
mod ingest;
mod mask;
mod message_object;
mod organization;
mod search;
mod session_chats;
mod session_messages;
mod sessions;
mod streams;

pub use changes::webhook_event;
pub use chats::ChatApi;
pub use guard::guard;
pub use ingest::IngestApi;
pub use organization::OrganizationApi;
pub use sessions::SessionApi;
