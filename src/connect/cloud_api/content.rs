//! What a message says: the fields of the ingest event's message by the type of the webhook's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::fields::{flag, items, owned, text};
use super::vcard;
use crate::connect::json::json;
use crate::digest::hex;
use crate::pb::ingest_event::Message;

/// A media file of a message.
#[derive(Debug)]
pub(super) struct MediaFile {
    pub(super) id: String,
    pub(super) mime_type: Option<String>,
    pub(super) file_name: Option<String>,
    /// In hexadecimal digits.
    pub(super) sha256: Option<String>,
}

/// Fills in the fields that depend on the type of the message. Returns its media file.
pub(super) fn fill(raw: &Value, message: &mut Message) -> Option<MediaFile> {
    let kind = text(raw, "/type").unwrap_or_default();
    let content = raw.get(kind).unwrap_or(&Value::Null);
    let (shown, body, is_kept) = match kind {
        "text" => ("chat", owned(content, "/body"), false),
        "image" | "video" | "document" | "sticker" => (kind, owned(content, "/caption"), false),
        "audio" => (if flag(content, "/voice") { "ptt" } else { "audio" }, None, false),
        "location" => ("location", None, false),
        "contacts" => (if items(raw, kind).len() == 1 { "vcard" } else { "multi_vcard" }, None, false),
        "interactive" => interactive(content),
        "button" => ("template_button_reply", owned(content, "/text"), true),
        "order" => ("order", owned(content, "/text"), true),
        "system" => ("system", owned(content, "/body"), true),
        // The person has opened the chat and written nothing yet.
        "request_welcome" => ("system", None, true),
        // The file follows in another webhook, in the same message with its type.
        "media_placeholder" => return placeholder(message),
        _ => ("unknown", None, true),
    };
    message.r#type = Some(shown.to_owned());
    message.body = body;
    message.raw_data = kept(raw, kind, is_kept).as_ref().and_then(json);
    match kind {
        "location" => message.location = json(content),
        "contacts" => {
            let cards: Vec<String> = items(raw, kind).iter().map(vcard::write).collect();
            message.vcards = json(&cards.into());
        }
        _ => {}
    }
    media(kind, content, message)
}

fn placeholder(message: &mut Message) -> Option<MediaFile> {
    message.has_media = Some(true);
    None
}

/// The answer to buttons or a list, or a message with buttons that the business sent.
fn interactive(content: &Value) -> (&'static str, Option<String>, bool) {
    let kind = text(content, "/type").unwrap_or_default();
    let answer = content.get(kind).unwrap_or(&Value::Null);
    match kind {
        "button_reply" => ("buttons_response", owned(answer, "/title"), true),
        "list_reply" => {
            let lines = [text(answer, "/title"), text(answer, "/description")];
            let lines: Vec<_> = lines.into_iter().flatten().collect();
            ("list_response", Some(lines.join("\n")), true)
        }
        "nfm_reply" => ("native_flow_response", owned(answer, "/body"), true),
        _ => ("interactive", owned(content, "/body/text"), true),
    }
}

/// What the message keeps of the original data: what no other field says.
fn kept(raw: &Value, kind: &str, is_kept: bool) -> Option<Value> {
    let mut data = Map::new();
    let names = ["referral", "errors", "identity"].into_iter().chain(is_kept.then_some(kind));
    for name in names {
        if let Some(value) = raw.get(name) {
            data.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(product) = raw.pointer("/context/referred_product") {
        data.insert("referred_product".to_owned(), product.clone());
    }
    if is_kept {
        data.insert("type".to_owned(), kind.into());
    }
    (!data.is_empty()).then_some(Value::Object(data))
}

fn media(kind: &str, content: &Value, message: &mut Message) -> Option<MediaFile> {
    if !matches!(kind, "image" | "video" | "document" | "sticker" | "audio") {
        return None;
    }
    message.has_media = Some(true);
    let (mime_type, file_name) = (owned(content, "/mime_type"), owned(content, "/filename"));
    let mut media = Map::new();
    for (name, value) in [("mimetype", &mime_type), ("filename", &file_name)] {
        if let Some(value) = value {
            media.insert(name.to_owned(), value.as_str().into());
        }
    }
    message.media = json(&Value::Object(media));
    let sha256 = text(content, "/sha256").and_then(|text| STANDARD.decode(text).ok());
    let sha256 = sha256.filter(|bytes| bytes.len() == 32);
    Some(MediaFile {
        id: owned(content, "/id")?,
        mime_type,
        file_name,
        sha256: sha256.map(|bytes| hex(&bytes)),
    })
}
