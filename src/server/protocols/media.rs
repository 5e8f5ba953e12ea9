//! `GET /v1/media/{id}`: the bytes of a media file, for callers who may read the chat of its message. No RPC: it streams bytes.

mod headers;
mod range;

use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, Stream, StreamExt};
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use self::range::Requested;
use super::private;
use crate::actions::media::{self, MediaFile};
use crate::api;
use crate::auth::CredentialCheck;
use crate::caller::Caller;
use crate::connect::media::MediaStore;
use crate::digest::hex;
use crate::error::{Error, Kind, Result};
use crate::rest::MEDIA;
use crate::server::types::{Rejection, Request, Response};
use crate::store::Store;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// Parts of files are counted in bytes.
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
/// Files are fetched within seconds.
const RETRY_PENDING: HeaderValue = HeaderValue::from_static("2");

/// Whether the path is that of a media file.
pub fn is_media(path: &str) -> bool {
    path.strip_prefix(MEDIA).is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// Serves media files. Cheap to clone.
#[derive(Clone)]
pub struct MediaFiles {
    store: Store,
    media: MediaStore,
}

impl MediaFiles {
    /// Serves files of that media store.
    pub fn new(store: Store, media: MediaStore) -> Self {
        Self { store, media }
    }

    /// Responds to a request with a path that [`is_media`].
    pub async fn respond(&self, request: Request) -> Response {
        let (request, _body) = request.into_parts();
        let mut response = match request.method {
            Method::GET | Method::HEAD => self.get(&request).await.unwrap_or_else(reject),
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            _ => Rejection(Error::new(Kind::MethodNotAllowed, "method not allowed")).into_response(),
        };
        if !matches!(request.method, Method::GET | Method::HEAD) {
            response.headers_mut().insert(ALLOW, METHODS);
        }
        private::write_headers(response.headers_mut());
        response
    }

    async fn get(&self, request: &Parts) -> Result<Response> {
        let caller = api::reader(&request.extensions)?;
        let id = request.uri.path().strip_prefix(MEDIA).unwrap_or_default();
        let file = media::find(&self.store, &caller, id).await?;
        let (sha256, size) = bytes_of(&file)?;
        let etag = format!("\"{}\"", hex(&sha256));
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers::write(headers, &file);
        headers.insert(ACCEPT_RANGES, BYTES);
        headers.insert(ETAG, text(&etag)?);
        if is_current(&request.headers, &etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let range = match requested_range(&request.headers, &etag, size) {
            Requested::All => 0..size,
            Requested::Part(range) => {
                let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                headers.insert(CONTENT_RANGE, text(&content_range)?);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                range
            }
            Requested::Unsatisfiable => return unsatisfiable(&etag, size),
        };
        response.headers_mut().insert(CONTENT_LENGTH, (range.end - range.start).into());
        if request.method == Method::GET {
            let bytes = self.media.stream(caller.org, &sha256, range).await?;
            let check = request.extensions.get::<CredentialCheck>().cloned();
            let check = check.ok_or_else(|| Error::internal("the request passed no authentication layer"))?;
            *response.body_mut() = Body::from_stream(while_accepted(bytes, check, caller));
        }
        Ok(response)
    }
}

/// The bytes, which end with an error when the credential is no longer accepted.
fn while_accepted(
    mut bytes: BoxStream<'static, object_store::Result<Bytes>>,
    check: CredentialCheck,
    caller: Arc<Caller>,
) -> impl Stream<Item = Result<Bytes>> {
    let mut lost = Box::pin(async move { check.lost(&caller).await }.fuse());
    stream::poll_fn(move |context| match lost.as_mut().poll(context) {
        Poll::Ready(error) => Poll::Ready(Some(Err(error))),
        Poll::Pending => bytes.poll_next_unpin(context).map_err(Error::unavailable),
    })
}

/// The object and the size of a stored file.
fn bytes_of(file: &MediaFile) -> Result<(Vec<u8>, u64)> {
    let size = file.size.and_then(|size| u64::try_from(size).ok());
    file.sha256.clone().zip(size).ok_or_else(|| Error::internal("a stored file has no bytes"))
}

fn reject(error: Error) -> Response {
    let is_pending = error.kind() == Kind::FailedPrecondition;
    let mut response = Rejection(error).into_response();
    if is_pending {
        response.headers_mut().insert(RETRY_AFTER, RETRY_PENDING);
    }
    response
}

/// The error for a range that the file does not have, with the headers that describe the file and not the body.
fn unsatisfiable(etag: &str, size: u64) -> Result<Response> {
    let error = Error::new(Kind::RangeNotSatisfiable, "the file has no such part");
    let mut response = Rejection(error).into_response();
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, BYTES);
    headers.insert(ETAG, text(etag)?);
    headers.insert(CONTENT_RANGE, text(&format!("bytes */{size}"))?);
    Ok(response)
}

/// A header value of digits and letters of ours.
fn text(value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(Error::internal)
}

/// Whether the client has the bytes already.
fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The range of the request, unless it is meant for other bytes.
fn requested_range(headers: &HeaderMap, etag: &str, size: u64) -> Requested {
    let is_for_these = headers.get(IF_RANGE).is_none_or(|condition| condition == etag);
    let range = headers.get(RANGE).filter(|_| is_for_these).and_then(|range| range.to_str().ok());
    range.map_or(Requested::All, |range| range::parse(range, size))
}
