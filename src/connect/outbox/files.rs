//! Files of sends: opened in the media store, into which they are fetched first if a URL names them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use guarded_http::{HttpClient, HttpError, HttpRequest};
use http::{Method, StatusCode};

use crate::actions::media::StoredBytes;
use crate::actions::sends::{self, Attempt, FileSource, SendContent};
use crate::connect::gateway::{OutgoingFile, SendError};
use crate::connect::media::{MediaStore, WriteError};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::store::Store;

/// How long a file may take to be fetched from its URL, and a piece of it.
const FETCH_TIMEOUT: Duration = Duration::from_mins(10);
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens files of sends. Cheap to clone.
#[derive(Clone)]
pub struct Files {
    media: MediaStore,
    http: HttpClient,
}

impl Files {
    /// The files of that media store, and those that this client may fetch.
    pub fn new(media: MediaStore, http: HttpClient) -> Self {
        Self { media, http }
    }

    /// The file of a send; `None` if it has none. One that a URL names is fetched, and is that of the message from then on.
    ///
    /// # Errors
    ///
    /// What was fetched cannot be stored. The inner error says why there is no file.
    pub async fn open(
        &self,
        store: &Store,
        org: OrgId,
        attempt: &Attempt,
    ) -> Result<std::result::Result<Option<OutgoingFile>, SendError>> {
        let SendContent::Media { file, mime_type, .. } = &attempt.outgoing.content else {
            return Ok(Ok(None));
        };
        let stored = match file {
            FileSource::Stored(stored) => stored.clone(),
            FileSource::Url(url) => match self.fetch(org, url, mime_type).await {
                Ok(stored) => {
                    sends::keep_file(store, org, &attempt.row, stored.clone()).await?;
                    stored
                }
                Err(error) => return Ok(Err(error)),
            },
            FileSource::Bytes(_) => return Err(Error::internal("the file of a send is not stored")),
        };
        let opened = self.media.open(org, &stored).await.map_err(|error| not_read(&error));
        Ok(opened.map(|(size, bytes)| Some(OutgoingFile { size, bytes: complete(size, bytes) })))
    }

    /// Stores the file at the URL.
    async fn fetch(
        &self,
        org: OrgId,
        url: &str,
        mime_type: &str,
    ) -> std::result::Result<StoredBytes, SendError> {
        let Self { media, http } = self;
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

/// The bytes with an error where a file of that size ends early.
fn complete(size: u64, bytes: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    let next = |(mut bytes, left): (BoxStream<'static, Result<Bytes>>, u64)| async move {
        match bytes.try_next().await? {
            Some(piece) => {
                let left = left.saturating_sub(piece.len() as u64);
                Ok(Some((piece, (bytes, left))))
            }
            None if left > 0 => Err(Error::new(Kind::Unavailable, "the stored file ends early")),
            None => Ok(None),
        }
    };
    stream::try_unfold((bytes, size), next).boxed()
}

/// What an error of the media store says about a send.
pub fn not_read(error: &Error) -> SendError {
    let reason = error.message().into_owned();
    if error.kind() == Kind::Gone { SendError::Rejected { reason } } else { unavailable(reason) }
}

fn unavailable(reason: impl Into<String>) -> SendError {
    SendError::NotSent { reason: reason.into(), retry_after: None }
}

fn rejected(reason: impl Into<String>) -> SendError {
    SendError::Rejected { reason: reason.into() }
}
