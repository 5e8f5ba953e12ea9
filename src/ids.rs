//! Typed ids. They are parsed once, where a request or a row is read.

mod chat_address;
mod org;
mod phone;
mod receiver_url;
mod session;
mod text_id;

pub use chat_address::{AddressKind, ChatAddress};
pub use org::OrgId;
pub use phone::{Phone, PhoneSelector};
pub use receiver_url::ReceiverUrl;
pub use session::SessionId;
pub use text_id::{KeyId, LabelId, PhoneId, PropertyId, WebhookId};

/// A text that is not a valid id. Displays as what the id must be, to follow the name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId(pub(crate) &'static str);

impl std::fmt::Display for InvalidId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}
