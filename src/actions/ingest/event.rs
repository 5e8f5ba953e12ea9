//! What a connector may tell: one type per kind of event, readable from and writable to JSON lines.

mod line;
mod message;
mod organization;

pub use message::{DeliveryInfo, MessageEvent};
pub use organization::{InboxEvent, LabelEvent, NumberEvent, OrganizationMemberEvent, PropertyEvent};

use serde::{Deserialize, Serialize};

use self::line::Line;
use super::json;
use crate::error::Result;
use crate::instant::Instant;
use crate::patch::Patch;

/// One thing a number's connector saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct IngestEvent {
    /// Which of the organization's numbers: session id, phone id or digits. Empty when it is about none of them.
    pub session: String,
    /// What it saw.
    pub event: Event,
}

impl IngestEvent {
    /// Reads the JSON form: `{"session": …, "<kind>": {…}}`. The error names the field that is not understood.
    pub fn from_json(line: &[u8]) -> Result<Self> {
        json::read(line)
    }
}

/// What a connector saw.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is documented at its type")]
pub enum Event {
    Contact(ContactEvent),
    Chat(Box<ChatEvent>),
    Message(Box<MessageEvent>),
    Receipt(ReceiptEvent),
    Read(ReadEvent),
    Address(AddressEvent),
    DeleteMessage(DeleteMessageEvent),
    Status(StatusEvent),
    Unread(UnreadEvent),
    Inbox(Box<InboxEvent>),
    Number(NumberEvent),
    Member(OrganizationMemberEvent),
    Label(LabelEvent),
    Property(PropertyEvent),
}

/// What is known of a person. The last arrival wins, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactEvent {
    /// `<digits>@c.us` or a LID, in any spelling.
    pub id: String,
    /// The name.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub name: Patch<String>,
    /// `#RRGGBB`.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub color: Patch<String>,
    /// URL of the picture.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub image: Patch<String>,
    /// Whether the contact belongs to the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_internal: Option<bool>,
}

/// What is known of a chat. The last arrival wins, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatEvent {
    /// The chat's address, in any spelling.
    pub jid: String,
    /// What kind of chat it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChatKind>,
    /// A group's name, or what WhatsApp shows for a person without a contact name.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub name: Patch<String>,
    /// URL of the picture.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub image: Patch<String>,
    /// Whether the number has archived the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Whether the number has pinned the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether the number has left the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<bool>,
    /// Until when the number has muted the chat; `null` when it is not muted.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch_instant")]
    pub muted_until: Patch<Instant>,
    /// When WhatsApp says the chat began.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch_instant")]
    pub created_at: Patch<Instant>,
    /// When what is shared about the chat last changed. The moment of storing it, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "json::optional_instant")]
    pub updated_at: Option<Instant>,
    /// A group's description.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub description: Patch<String>,
    /// A group's invite link.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub invite_link: Patch<String>,
    /// Whether only admins may change the group's name, picture and description.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub info_admins_only: Patch<bool>,
    /// Whether only admins may write.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub messages_admins_only: Patch<bool>,
    /// Whether only admins may add members.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub add_members_admins_only: Patch<bool>,
    /// Who may add members, in WhatsApp's own words.
    #[serde(default, skip_serializing_if = "Patch::is_keep", with = "json::patch")]
    pub member_add_mode: Patch<String>,
    /// Everybody in the chat; whoever is not named has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberEvent>>,
}

/// What kind of chat it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChatKind {
    /// With a person.
    Dm,
    /// With several.
    Group,
    /// With a business.
    Business,
}

/// One of a chat's members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberEvent {
    /// The contact.
    pub id: String,
    /// Whether the contact is an admin of the group.
    #[serde(default)]
    pub is_admin: bool,
    /// Whether the contact created the group.
    #[serde(default)]
    pub is_super_admin: bool,
}

/// Somebody received or read a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiptEvent {
    /// WhatsApp's own id of the message.
    pub message: String,
    /// The chat it stands in.
    pub chat: String,
    /// The contact who did.
    pub by: String,
    /// What the contact did.
    pub kind: ReceiptKind,
    /// When.
    #[serde(with = "json::instant")]
    pub at: Instant,
}

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReceiptKind {
    /// It left the sender: ack 1.
    Sent,
    /// WhatsApp's server has it: ack 2.
    Server,
    /// It reached a device: ack 3.
    Delivered,
    /// It was read: ack 4.
    Read,
    /// It was listened to or watched, which takes reading it: ack 4.
    Played,
}

/// The number has read a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadEvent {
    /// The chat.
    pub chat: String,
    /// Messages sent until then are read.
    #[serde(with = "json::instant")]
    pub up_to: Instant,
}

/// The number was marked as having something unread in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnreadEvent {
    /// The chat.
    pub chat: String,
    /// So many messages are unread at least, until the read mark moves on.
    #[serde(default = "one")]
    pub count: i32,
}

const fn one() -> i32 {
    1
}

/// A LID turned out to be a phone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressEvent {
    /// The LID.
    pub lid: String,
    /// The same person by phone number.
    pub jid: String,
}

/// A message was deleted for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteMessageEvent {
    /// WhatsApp's own id of the message.
    pub id: String,
    /// The chat it stands in.
    pub chat: String,
}

/// The number's connection to WhatsApp changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusEvent {
    /// How it is now.
    pub status: ConnectionStatus,
    /// Since when.
    #[serde(with = "json::instant")]
    pub at: Instant,
}

/// A number's connection to WhatsApp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ConnectionStatus {
    Disconnected,
    Connecting,
    Connected,
    LoggedOut,
}
