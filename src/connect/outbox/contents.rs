//! Stored contents as gateways get them: with the bytes of files.

use bytes::Bytes;
use guarded_http::{HttpClient, HttpError};

use crate::actions::media::StoredBytes;
use crate::actions::sends::{FileSource, SendContent, Target};
use crate::connect::gateway::{Content, MediaKind, QuotedMessage, SendError};
use crate::connect::media::MediaStore;
use crate::error::{Error, Kind};
use crate::ids::OrgId;

/// The content with the bytes of its file, and where those are stored if they were fetched now.
pub(super) async fn content(
    (media, http): (&MediaStore, &HttpClient),
    org: OrgId,
    stored: &SendContent,
) -> Result<(Content, Option<StoredBytes>), SendError> {
    let (mut content, mut kept) = (without_file(stored), None);
    if let (SendContent::Media { file, mime_type, .. }, Content::Media { bytes, .. }) = (stored, &mut content)
    {
        *bytes = match file {
            FileSource::Url(url) => {
                let fetched = fetch(http, url, media.max_file_bytes).await?;
                kept = Some(
                    media
                        .put_bytes(org, Some(mime_type), fetched.clone())
                        .await
                        .map_err(|error| not_read(&error))?,
                );
                fetched
            }
            FileSource::Stored(file) => media.read(org, file).await.map_err(|error| not_read(&error))?,
            FileSource::Bytes(bytes) => bytes.clone(),
        };
    }
    Ok((content, kept))
}

/// An error of the media store.
fn not_read(error: &Error) -> SendError {
    let reason = error.message().into_owned();
    if error.kind() == Kind::Gone { SendError::Rejected { reason } } else { unavailable(reason) }
}

fn unavailable(reason: impl Into<String>) -> SendError {
    SendError::NotSent { reason: reason.into(), retry_after: None }
}

fn rejected(reason: impl Into<String>) -> SendError {
    SendError::Rejected { reason: reason.into() }
}

async fn fetch(http: &HttpClient, url: &str, max: u64) -> Result<Bytes, SendError> {
    match http.get(url, usize::try_from(max).unwrap_or(usize::MAX)).await {
        Ok((status, file)) if status.is_success() => Ok(file.into()),
        Ok((status, _)) if status.is_server_error() || status.as_u16() == 429 => {
            Err(unavailable(format!("the URL of the file responds with {}", status.as_u16())))
        }
        Ok((status, _)) => Err(rejected(format!("the URL of the file responds with {}", status.as_u16()))),
        Err(error) => Err(match error {
            HttpError::Timeout | HttpError::Connect(_) | HttpError::Failed(_) => {
                unavailable("the file cannot be fetched from its URL")
            }
            HttpError::TooLarge(_) => rejected("the file is larger than --media-max-file-bytes"),
            HttpError::NotAllowed | HttpError::NotHttps | HttpError::InvalidUrl(_) | HttpError::Tls(_) => {
                rejected("the URL of the file is not a public one")
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
