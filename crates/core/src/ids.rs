//! Typed ids. They are parsed once, where a request or a row is read.

mod chat_address;
mod connection;
mod invalid_id;
mod message_id;
mod numbering_plan;
mod org;
mod phone;
mod receiver_url;
mod session;
mod text_id;

pub use chat_address::{AddressKind, ChatAddress};
pub use connection::ConnectionId;
pub use invalid_id::InvalidId;
pub use message_id::MessageId;
pub use org::OrgId;
pub use phone::{Phone, PhoneSelector};
pub use receiver_url::ReceiverUrl;
pub use session::SessionId;
pub use text_id::{KeyId, LabelId, MediaId, NoteId, PhoneId, PropertyId, WebhookId};
