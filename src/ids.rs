//! Typed ids: parsed once at the border, valid ever after.

mod chat_address;
mod key;
mod org;
mod phone;
mod random;
mod receiver_url;
mod session;

pub use chat_address::{AddressKind, ChatAddress};
pub use key::KeyId;
pub use org::OrgId;
pub use phone::{Phone, PhoneId, PhoneSelector};
pub use random::{LabelId, PropertyId, WebhookId};
pub use receiver_url::ReceiverUrl;
pub use session::SessionId;

/// A text that is not the id it was taken for. Its display says what the id must be, to follow the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId(pub(crate) &'static str);

impl std::fmt::Display for InvalidId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
