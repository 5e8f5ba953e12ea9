//! What a message contains: the engine's original data of it, and its type in WhatsApp's words.

use serde_json::Value;

/// The type of media messages, and of no others.
const MEDIA: [&str; 6] = ["image", "video", "audio", "ptt", "document", "sticker"];

/// The types of a poll, of the result of one, and of an order.
pub(super) const POLL: &str = "poll_creation";
pub(super) const POLL_RESULT: &str = "poll_result_snapshot";
pub(super) const ORDER: &str = "order";

/// What a message contains.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// What it is.
    pub kind: Kind,
    /// The part of the original data that describes it: of the protobuf the field, of WhatsApp Web everything.
    pub details: &'a Value,
    /// What the content has of other messages: quotes, mentions, forwards. Empty for WhatsApp Web.
    pub context: &'a Value,
    /// The text in the original data.
    pub text: Option<String>,
    /// The id of another message that it answers or is about, unless it quotes that.
    pub about: Option<String>,
    /// Whether it is the text of an edit, which has taken the place of the original.
    pub is_edited: bool,
    /// Whether it disappears.
    pub is_ephemeral: bool,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message of that type.
    Message(String),
    /// A message of a type that has no name here.
    Unknown,
    /// A reaction to another message.
    Reaction,
    /// A protocol message between clients: an edit, a deletion, keys.
    Protocol,
    /// A message that was deleted for everyone.
    Deleted,
    /// Nothing to store.
    Skipped,
}

impl<'a> Content<'a> {
    /// Content of that kind of which nothing else is known.
    pub(super) fn new(kind: Kind, details: &'a Value) -> Self {
        Self {
            kind,
            details,
            context: &Value::Null,
            text: None,
            about: None,
            is_edited: false,
            is_ephemeral: false,
        }
    }

    /// Whether messages of the type have a file.
    pub(super) fn is_media(&self) -> bool {
        matches!(&self.kind, Kind::Message(kind) if MEDIA.contains(&kind.as_str()))
    }

    /// Whether the payload's body is the text of the message: of some types it is a preview, or the content once more.
    pub(super) fn has_body(&self) -> bool {
        !matches!(&self.kind, Kind::Message(kind) if matches!(kind.as_str(), "location" | "vcard" | "multi_vcard" | POLL))
    }

    /// Whether it is of the type.
    pub(super) fn is(&self, kind: &str) -> bool {
        matches!(&self.kind, Kind::Message(own) if own == kind)
    }
}
