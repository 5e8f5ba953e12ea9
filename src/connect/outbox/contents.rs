//! Stored contents as gateways get them.

use crate::actions::sends::{SendContent, Target};
use crate::connect::gateway::{Content, MediaKind, QuotedMessage};

/// The content as gateways get it.
pub fn content(stored: &SendContent) -> Content {
    match stored.clone() {
        SendContent::Text { body, link_preview, mentions } => Content::Text { body, link_preview, mentions },
        SendContent::Media { kind, mime_type, file_name, caption, .. } => {
            Content::Media { kind: media_kind(&kind), mime_type, file_name, caption }
        }
        SendContent::Location { latitude, longitude, name, address } => {
            Content::Location { latitude, longitude, name, address }
        }
        SendContent::Contacts { vcards } => Content::Contacts { vcards },
        SendContent::Poll { question, options, multiple } => Content::Poll { question, options, multiple },
        SendContent::Template { name, language, components } => {
            Content::Template { name, language, components }
        }
        SendContent::Reaction { message, emoji } => Content::Reaction { message: message.into(), emoji },
        SendContent::Edit { message, body } => Content::Edit { message: message.into(), body },
        SendContent::Delete { message } => Content::Delete { message: message.into() },
    }
}

fn media_kind(kind: &str) -> MediaKind {
    match kind {
        "image" => MediaKind::Image,
        "video" => MediaKind::Video,
        "audio" => MediaKind::Audio,
        "voice" => MediaKind::Voice,
        "sticker" => MediaKind::Sticker,
        _ => MediaKind::Document,
    }
}

impl From<Target> for QuotedMessage {
    fn from(Target { id, from_me, author }: Target) -> Self {
        Self { id, from_me, author }
    }
}
