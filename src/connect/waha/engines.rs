//! Reads what a message contains from the original data of its engine.
//!
//! WEBJS and WPP give a message of WhatsApp Web (`_data.type`). NOWEB gives the protobuf of Baileys (`_data.message`), GOWS
//! that of whatsmeow (`_data.Message`, with other capitals).

use serde_json::Value;

use super::content::{Content, Kind, POLL};
use super::fields::{flag, text};
use super::protobuf;

/// Types of WhatsApp Web that say nothing to a reader, or come again when they can be read.
const SKIPPED_TYPES: [&str; 6] =
    ["ciphertext", "e2e_notification", "notification_template", "protocol", "reaction", "poll_update"];

/// What the payload of a message contains.
pub(super) fn of(payload: &Value) -> Content<'_> {
    let data = &payload["_data"];
    let message = data.get("message").or_else(|| data.get("Message")).and_then(Value::as_object);
    match (message, text(data, &["/type"])) {
        (Some(message), _) => protobuf::content(message, data),
        (None, Some(kind)) => of_web(kind, data),
        // Of a message to view once, other devices than the phone receive nothing else.
        (None, None) if flag(data, &["/key/isViewOnce"]) => Content::new(Kind::Unknown, data),
        (None, None) => Content::new(Kind::Message(by_payload(payload).to_owned()), data),
    }
}

fn of_web(kind: String, data: &Value) -> Content<'_> {
    let paths: &[&str] = match kind.as_str() {
        POLL => &["/name", "/pollName"],
        "location" | "vcard" | "multi_vcard" => &[],
        _ => &["/text", "/caption", "/title"],
    };
    let kind = match kind.as_str() {
        "revoked" => Kind::Deleted,
        skipped if SKIPPED_TYPES.contains(&skipped) => Kind::Skipped,
        "unknown" => Kind::Unknown,
        _ => Kind::Message(kind),
    };
    Content { text: text(data, paths), ..Content::new(kind, data) }
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
