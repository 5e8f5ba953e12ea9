//! Sends messages.

use guarded_http::Multipart;
use http::Method;
use serde_json::{Value, json};

use super::fields::text;
use super::graph::{Graph, GraphError, MEDIA_TIMEOUT};
use super::people::group_id;
use super::vcard;
use crate::connect::gateway::{Content, MediaKind, OutgoingFile, OutgoingMessage, SendError, Sent};
use crate::connect::settings::ConnectionSettings;
use crate::ids::{AddressKind, ChatAddress};

/// Why the API cannot send this content, or `None` if it can.
pub(super) fn refusal(content: &Content) -> Option<&'static str> {
    match content {
        Content::Poll { .. } => Some("the Cloud API cannot send polls"),
        Content::Edit { .. } => Some("the Cloud API cannot edit messages"),
        Content::Delete { .. } => Some("the Cloud API cannot delete messages"),
        Content::Media { kind, mime_type, caption, .. } => {
            media_refusal(*kind, mime_type, caption.as_deref())
        }
        Content::Contacts { vcards } if vcards.iter().any(|card| vcard::read(card).is_none()) => {
            Some("each vCard must have a name (FN)")
        }
        Content::Text { .. }
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Template { .. }
        | Content::Reaction { .. } => None,
    }
}

fn media_refusal(kind: MediaKind, mime_type: &str, caption: Option<&str>) -> Option<&'static str> {
    let base = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let allowed: (&[&str], &str) = match kind {
        MediaKind::Image => (&["image/jpeg", "image/png"], "the Cloud API sends images as JPEG or PNG only"),
        MediaKind::Video => (&["video/mp4", "video/3gpp"], "the Cloud API sends videos as MP4 or 3GPP only"),
        MediaKind::Audio => (
            &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
            "the Cloud API sends audio as AAC, AMR, MP3, MP4 or OGG only",
        ),
        MediaKind::Voice => (&["audio/ogg"], "the Cloud API sends voice notes as OGG with Opus only"),
        MediaKind::Sticker => (&["image/webp"], "the Cloud API sends stickers as WebP only"),
        MediaKind::Document => return None,
    };
    if !allowed.0.contains(&base.as_str()) {
        return Some(allowed.1);
    }
    let has_caption =
        matches!(kind, MediaKind::Image | MediaKind::Video) || caption.is_none_or(str::is_empty);
    (!has_caption).then_some("the Cloud API sends audio and stickers without captions")
}

/// Sends a message. Files are uploaded first.
///
/// # Errors
///
/// See [`SendError`]. An upload that fails has sent nothing.
pub(super) async fn send(
    graph: &Graph,
    settings: &ConnectionSettings,
    message: &OutgoingMessage,
    file: Option<OutgoingFile>,
) -> Result<Sent, SendError> {
    if let Some(reason) = refusal(&message.content) {
        return Err(SendError::Unsupported { reason });
    }
    let mut body = receiver(&message.chat, settings)?;
    let (kind, content) = content(graph, settings, &message.content, file).await?;
    body["messaging_product"] = "whatsapp".into();
    // Statuses of the message repeat it: so one whose response was lost is found.
    body["biz_opaque_callback_data"] = message.send.to_string().into();
    body["type"] = kind.into();
    body[kind] = content;
    if let Some(quoted) = &message.reply_to {
        body["context"] = json!({"message_id": quoted.id});
    }
    let request =
        graph.request(Method::POST, &format!("{}/messages", settings.account)).json(body.to_string());
    let response = graph.call(request).await?;
    match text(&response, "/messages/0/id") {
        Some(id) => Ok(Sent { message_id: id.to_owned() }),
        None => Err(SendError::Unclear { reason: "the response has no id of a message".to_owned() }),
    }
}

fn receiver(chat: &ChatAddress, settings: &ConnectionSettings) -> Result<Value, SendError> {
    let name = chat.as_str().split('@').next().unwrap_or_default();
    match chat.kind() {
        AddressKind::Person => Ok(json!({"recipient_type": "individual", "to": name})),
        AddressKind::UserId => Ok(json!({"recipient_type": "individual", "recipient": name})),
        AddressKind::Group => Ok(json!({"recipient_type": "group", "to": group_id(chat, &settings.phone)})),
        AddressKind::Lid => Err(SendError::Unsupported { reason: "send to a LID" }),
    }
}

/// The type of the message, and the field of that name.
async fn content(
    graph: &Graph,
    settings: &ConnectionSettings,
    content: &Content,
    file: Option<OutgoingFile>,
) -> Result<(&'static str, Value), SendError> {
    Ok(match content {
        Content::Text { body, link_preview, .. } => {
            ("text", json!({"body": body, "preview_url": link_preview}))
        }
        Content::Media { kind, mime_type, file_name, caption } => {
            let (name, file_name) = media_type(*kind, file_name.as_deref());
            let OutgoingFile { size, bytes } = file.ok_or_else(SendError::no_file)?;
            let form = Multipart::new().text("messaging_product", "whatsapp").text("type", mime_type);
            let form = form.file("file", (file_name, mime_type), size, bytes);
            let mut media = json!({"id": upload(graph, settings, form).await?});
            if let Some(caption) = caption.as_ref().filter(|caption| !caption.is_empty()) {
                media["caption"] = caption.as_str().into();
            }
            if *kind == MediaKind::Document {
                media["filename"] = file_name.into();
            }
            if *kind == MediaKind::Voice {
                media["voice"] = true.into();
            }
            (name, media)
        }
        Content::Location { latitude, longitude, name, address } => {
            let mut location = json!({"latitude": latitude, "longitude": longitude});
            for (key, value) in [("name", name), ("address", address)] {
                if let Some(value) = value {
                    location[key] = value.as_str().into();
                }
            }
            ("location", location)
        }
        Content::Contacts { vcards } => {
            ("contacts", vcards.iter().filter_map(|card| vcard::read(card)).collect())
        }
        Content::Template { name, language, components } => {
            let mut template = json!({"name": name, "language": {"code": language}});
            if components.as_array().is_some_and(|components| !components.is_empty()) {
                template["components"] = components.clone();
            }
            ("template", template)
        }
        Content::Reaction { message, emoji } => {
            ("reaction", json!({"message_id": message.id, "emoji": emoji}))
        }
        Content::Poll { .. } | Content::Edit { .. } | Content::Delete { .. } => {
            return Err(SendError::Unsupported { reason: "send this kind of message" });
        }
    })
}

/// Meta's type of the media, and the name of the file.
fn media_type(kind: MediaKind, file_name: Option<&str>) -> (&'static str, &str) {
    match kind {
        MediaKind::Image => ("image", file_name.unwrap_or("image")),
        MediaKind::Video => ("video", file_name.unwrap_or("video")),
        MediaKind::Audio | MediaKind::Voice => ("audio", file_name.unwrap_or("audio")),
        MediaKind::Document => ("document", file_name.unwrap_or("document")),
        MediaKind::Sticker => ("sticker", file_name.unwrap_or("sticker.webp")),
    }
}

/// The id of an uploaded file.
async fn upload(graph: &Graph, settings: &ConnectionSettings, form: Multipart) -> Result<String, SendError> {
    let request = graph.request(Method::POST, &format!("{}/media", settings.account));
    let unsent = |reason: String| SendError::NotSent { reason, retry_after: None };
    let response = graph.call(request.multipart(form).timeout(MEDIA_TIMEOUT)).await;
    let response = response.map_err(|error| match SendError::from(error) {
        // The message itself was not sent yet.
        SendError::Unclear { reason } => unsent(reason),
        error @ (SendError::NotSent { .. }
        | SendError::Failed { .. }
        | SendError::Rejected { .. }
        | SendError::Unsupported { .. }) => error,
    })?;
    let id = text(&response, "/id").map(str::to_owned);
    id.ok_or_else(|| unsent("the response to the upload has no id".to_owned()))
}

/// Marks a message and all before it as read.
///
/// # Errors
///
/// See [`SendError`].
pub(super) async fn mark_read(
    graph: &Graph,
    settings: &ConnectionSettings,
    message_id: &str,
) -> Result<(), GraphError> {
    let body = json!({"messaging_product": "whatsapp", "status": "read", "message_id": message_id});
    let request =
        graph.request(Method::POST, &format!("{}/messages", settings.account)).json(body.to_string());
    graph.call(request).await.map(|_| ())
}
