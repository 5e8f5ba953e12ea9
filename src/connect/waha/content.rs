//! What a message contains: the engines' original data of it, and its type in WhatsApp's words.
//!
//! WEBJS and WPP give a message of WhatsApp Web (`_data.type`). NOWEB gives the protobuf of Baileys (`_data.message`), GOWS
//! that of whatsmeow (`_data.Message`, with other capitals).

use serde_json::{Map, Value};

use super::fields::{flag, text};

/// Fields of the protobuf and the types of messages that have them.
const TYPES: [(&str, &str); 41] = [
    ("conversation", "chat"),
    ("extendedTextMessage", "chat"),
    ("imageMessage", "image"),
    ("videoMessage", "video"),
    ("ptvMessage", "video"),
    ("audioMessage", "audio"),
    ("documentMessage", "document"),
    ("stickerMessage", "sticker"),
    ("lottieStickerMessage", "sticker"),
    ("locationMessage", "location"),
    ("liveLocationMessage", "location"),
    ("contactMessage", "vcard"),
    ("contactsArrayMessage", "multi_vcard"),
    ("pollCreationMessage", POLL),
    ("pollCreationMessageV2", POLL),
    ("pollCreationMessageV3", POLL),
    ("pollCreationMessageV4", POLL),
    ("pollCreationMessageV5", POLL),
    ("groupInviteMessage", "groups_v4_invite"),
    ("listMessage", "list"),
    ("listResponseMessage", "list_response"),
    ("buttonsMessage", "buttons"),
    ("buttonsResponseMessage", "buttons_response"),
    ("templateMessage", "template"),
    ("templateButtonReplyMessage", "template_button_reply"),
    ("interactiveMessage", "interactive"),
    ("interactiveResponseMessage", "native_flow_response"),
    ("highlyStructuredMessage", "hsm"),
    ("orderMessage", "order"),
    ("productMessage", "product"),
    ("eventMessage", "event_creation"),
    ("albumMessage", "album"),
    ("pinInChatMessage", "pin_message"),
    ("keepInChatMessage", "keep_in_chat"),
    ("callLogMesssage", "call_log"),
    ("call", "call_log"),
    ("reactionMessage", REACTION),
    ("encReactionMessage", SKIPPED),
    ("pollUpdateMessage", SKIPPED),
    ("encEventResponseMessage", SKIPPED),
    ("protocolMessage", PROTOCOL),
];
/// Fields of the protobuf that hold a whole message in their field `message`.
const WRAPPERS: [&str; 9] = [
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "deviceSentMessage",
    "groupMentionedMessage",
    "botInvokeMessage",
    "editedMessage",
];
/// Fields of the protobuf beside the content.
const BESIDE: [&str; 3] =
    ["messageContextInfo", "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage"];
/// Types of WhatsApp Web that say nothing to a reader, or come again when they can be read.
const SKIPPED_TYPES: [&str; 6] =
    ["ciphertext", "e2e_notification", "notification_template", "protocol", "reaction", "poll_update"];
/// The type of media messages, and of no others.
const MEDIA: [&str; 6] = ["image", "video", "audio", "ptt", "document", "sticker"];

const POLL: &str = "poll_creation";
const REACTION: &str = "reaction";
const PROTOCOL: &str = "protocol";
const SKIPPED: &str = "skipped";

/// What a message contains.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// What it is.
    pub kind: Kind,
    /// The part of the original data that describes it: of the protobuf the field, of WhatsApp Web everything.
    pub details: &'a Value,
    /// What the content has of other messages: quotes, mentions, forwards. Empty for WhatsApp Web.
    pub context: &'a Value,
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

/// What the payload of a message contains.
pub(super) fn of(payload: &Value) -> Content<'_> {
    let data = &payload["_data"];
    let message = data.get("message").or_else(|| data.get("Message")).and_then(Value::as_object);
    match (message, text(data, &["/type"])) {
        (Some(message), _) => of_protobuf(message, data),
        (None, Some(kind)) => Content { kind: of_web(kind), ..of_nothing(data) },
        (None, None) => Content { kind: Kind::Message(by_payload(payload).to_owned()), ..of_nothing(data) },
    }
}

fn of_nothing(data: &Value) -> Content<'_> {
    let is_ephemeral = flag(data, &["/IsEphemeral"]);
    Content { kind: Kind::Unknown, details: data, context: &Value::Null, is_edited: false, is_ephemeral }
}

fn of_web(kind: String) -> Kind {
    match kind.as_str() {
        "revoked" => Kind::Deleted,
        skipped if SKIPPED_TYPES.contains(&skipped) => Kind::Skipped,
        "unknown" => Kind::Unknown,
        _ => Kind::Message(kind),
    }
}

fn of_protobuf<'a>(mut message: &'a Map<String, Value>, data: &'a Value) -> Content<'a> {
    let mut content = of_nothing(data);
    while let Some((name, inner)) = wrapper(message) {
        content.is_edited |= name == "editedMessage";
        content.is_ephemeral |= name == "ephemeralMessage";
        message = inner;
    }
    let known = TYPES
        .iter()
        .find_map(|(field, kind)| Some((*kind, message.get(*field).filter(|value| !value.is_null())?)));
    let Some((kind, details)) = known else {
        let is_empty = message.keys().all(|name| BESIDE.contains(&name.as_str()));
        content.kind = if is_empty { Kind::Skipped } else { Kind::Unknown };
        return content;
    };
    content.kind = match kind {
        REACTION => Kind::Reaction,
        PROTOCOL => Kind::Protocol,
        SKIPPED => Kind::Skipped,
        "audio" if flag(details, &["/ptt", "/PTT"]) => Kind::Message("ptt".to_owned()),
        _ => Kind::Message(kind.to_owned()),
    };
    content.details = details;
    content.context = &details["contextInfo"];
    content
}

/// The message in a wrapper. Its field `message` is missing in no version.
fn wrapper(message: &Map<String, Value>) -> Option<(&'static str, &Map<String, Value>)> {
    WRAPPERS.iter().find_map(|name| Some((*name, message.get(*name)?.get("message")?.as_object()?)))
}

/// The type of a message without original data.
fn by_payload(payload: &Value) -> &'static str {
    let has = |name: &str| payload.get(name).is_some_and(|value| !value.is_null());
    let vcards = payload.get("vCards").and_then(Value::as_array).map_or(0, Vec::len);
    let mime_type = text(payload, &["/media/mimetype"]).unwrap_or_default();
    match (mime_type.split('/').next(), vcards) {
        (Some("image"), _) => "image",
        (Some("video"), _) => "video",
        (Some("audio"), _) => "audio",
        _ if has("location") => "location",
        (_, 1) => "vcard",
        (_, 2..) => "multi_vcard",
        _ if has("media") || flag(payload, &["/hasMedia"]) => "document",
        _ => "chat",
    }
}

impl Content<'_> {
    /// Whether messages of the type have a file.
    pub(super) fn is_media(&self) -> bool {
        matches!(&self.kind, Kind::Message(kind) if MEDIA.contains(&kind.as_str()))
    }

    /// Whether the payload's body is the text of the message: of some types it is a preview, or the content once more.
    pub(super) fn has_body(&self) -> bool {
        !matches!(&self.kind, Kind::Message(kind) if matches!(kind.as_str(), "location" | "vcard" | "multi_vcard" | POLL))
    }

    /// Whether it is a poll.
    pub(super) fn is_poll(&self) -> bool {
        self.kind == Kind::Message(POLL.to_owned())
    }
}
