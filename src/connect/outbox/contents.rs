//! Stored contents as gateways get them: with the bytes of files.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use guarded_http::{Destinations, HttpClient, HttpError, Trust};

use crate::actions::sends::{FileSource, SendContent, Target};
use crate::config::USER_AGENT;
use crate::connect::gateway::{Content, MediaKind, QuotedMessage};

/// The largest file that is fetched, in bytes.
const MAX_FILE: usize = 100 * 1024 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches from public addresses only. `None` when the system has no root certificates.
static CLIENT: LazyLock<Option<HttpClient>> =
    LazyLock::new(|| HttpClient::new(USER_AGENT, Destinations::Public, FETCH_TIMEOUT, Trust::System).ok());

/// Why a content cannot be sent.
pub(super) enum ContentError {
    /// For good.
    Rejected(String),
    /// It may succeed later.
    Unavailable(String),
}

/// The content with the bytes of its file.
pub(super) async fn content(stored: &SendContent) -> Result<Content, ContentError> {
    let mut content = without_file(stored);
    if let (SendContent::Media { file, .. }, Content::Media { bytes, .. }) = (stored, &mut content) {
        *bytes = match file {
            FileSource::Url(url) => fetch(url).await?,
            FileSource::Data(base64) => {
                let file = STANDARD.decode(base64);
                file.map_err(|_| ContentError::Rejected("the file is not stored any more".to_owned()))?.into()
            }
        };
    }
    Ok(content)
}

async fn fetch(url: &str) -> Result<Bytes, ContentError> {
    let client = CLIENT.as_ref();
    let client = client.ok_or_else(|| ContentError::Unavailable("no root certificates".to_owned()))?;
    match client.get(url, MAX_FILE).await {
        Ok((status, file)) if status.is_success() => Ok(file.into()),
        Ok((status, _)) if status.is_server_error() || status.as_u16() == 429 => {
            Err(ContentError::Unavailable(format!("the URL of the file responds with {}", status.as_u16())))
        }
        Ok((status, _)) => {
            Err(ContentError::Rejected(format!("the URL of the file responds with {}", status.as_u16())))
        }
        Err(error) => Err(match error {
            HttpError::Timeout | HttpError::Connect(_) | HttpError::Failed(_) => {
                ContentError::Unavailable("the file cannot be fetched from its URL".to_owned())
            }
            HttpError::TooLarge(_) => ContentError::Rejected("the file is larger than 100 MiB".to_owned()),
            HttpError::NotAllowed | HttpError::NotHttps | HttpError::InvalidUrl(_) | HttpError::Tls(_) => {
                ContentError::Rejected("the URL of the file is not a public one".to_owned())
            }
        }),
    }
}

/// The content without the bytes of its file.
pub fn without_file(stored: &SendContent) -> Content {
    match stored.clone() {
        SendContent::Text { body, link_preview, mentions } => Content::Text { body, link_preview, mentions },
        SendContent::Media { kind, mime_type, file_name, caption, .. } => {
            Content::Media { kind: media_kind(&kind), mime_type, file_name, caption, bytes: Bytes::new() }
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
