//! Stored contents as gateways get them, and their files.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use guarded_http::{HttpClient, HttpError, HttpRequest};
use http::{Method, StatusCode};

use crate::actions::media::StoredBytes;
use crate::actions::sends::{FileSource, SendContent, Target};
use crate::connect::gateway::{Content, MediaKind, OutgoingFile, QuotedMessage, SendError};
use crate::connect::media::{MediaStore, WriteError};
use crate::error::{Error, Kind};
use crate::ids::OrgId;

/// How long a file may take to be fetched from its URL, and a piece of it.
const FETCH_TIMEOUT: Duration = Duration::from_mins(10);
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// The file of the content, and where it is stored if it was fetched now.
pub(super) async fn file(
    (media, http): (&MediaStore, &HttpClient),
    org: OrgId,
    content: &SendContent,
) -> Result<(Option<OutgoingFile>, Option<StoredBytes>), SendError> {
    let SendContent::Media { file, mime_type, .. } = content else { return Ok((None, None)) };
    let (stored, is_new) = match file {
        FileSource::Url(url) => (fetch(media, http, org, url, mime_type).await?, true),
        FileSource::Stored(stored) => (stored.clone(), false),
        FileSource::Bytes(_) => return Err(unavailable("the file is not stored")),
    };
    let (size, bytes) = media.open(org, &stored).await.map_err(|error| not_read(&error))?;
    Ok((Some(OutgoingFile { size, bytes }), is_new.then_some(stored)))
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

/// Stores the file at the URL.
async fn fetch(
    media: &MediaStore,
    http: &HttpClient,
    org: OrgId,
    url: &str,
    mime_type: &str,
) -> Result<StoredBytes, SendError> {
    let request = HttpRequest::new(Method::GET, url).timeout(FETCH_TIMEOUT);
    let response = http.send(request).await.map_err(not_fetched)?;
    let status = response.status();
    if !status.is_success() {
        let reason = format!("the URL of the file responds with {}", status.as_u16());
        let may_succeed = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        return Err(if may_succeed { unavailable(reason) } else { rejected(reason) });
    }
    let pieces = response.stream(media.max_file_bytes, PIECE_TIMEOUT);
    let stored = media.put(org, Some(mime_type), pieces.map_err(not_fetched).boxed()).await;
    stored.map_err(|error| match error {
        WriteError::Source(error) => error,
        WriteError::TooLarge => rejected(TOO_LARGE),
        WriteError::Store(error) => not_read(&error),
    })
}

const TOO_LARGE: &str = "the file is larger than --media-max-file-bytes";

fn not_fetched(error: HttpError) -> SendError {
    match error {
        HttpError::Timeout | HttpError::Connect(_) | HttpError::Failed(_) | HttpError::Body(_) => {
            unavailable("the file cannot be fetched from its URL")
        }
        HttpError::TooLarge(_) => rejected(TOO_LARGE),
        HttpError::NotAllowed | HttpError::NotHttps | HttpError::InvalidUrl(_) | HttpError::Tls(_) => {
            rejected("the URL of the file is not a public one")
        }
    }
}

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
