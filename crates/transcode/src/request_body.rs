//! Reading a request's body: its type, its size, its bytes.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::{Reason, Rejection};

/// Reads a JSON body of at most that many bytes. An empty body needs no content type.
pub(crate) async fn read(
    method: &Method,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Rejection> {
    let Some(words) = problem(method, headers) else { return read_any(headers, body, limit).await };
    let unsupported = Rejection::new(Reason::UnsupportedMediaType, words);
    if !body.is_end_stream() && announced(headers).is_some_and(|length| length > 0) {
        return Err(unsupported);
    }
    match read_any(headers, body, limit).await {
        Ok(bytes) if bytes.is_empty() => Ok(bytes),
        Err(error) if error.reason != Reason::PayloadTooLarge => Err(error),
        Ok(_) | Err(_) => Err(unsupported),
    }
}

/// Reads a body of any type, of at most that many bytes.
pub(crate) async fn read_any(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Rejection> {
    let too_large =
        || Rejection::new(Reason::PayloadTooLarge, format!("the body is larger than {limit} bytes"));
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if announced(headers).is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit))
    {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Rejection::invalid("body", "ended before it was complete")),
    }
}

/// How long the body is going to be, in bytes, where the caller says so.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}

/// Why a body that these headers describe is not understood.
fn problem(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    if !is_plain(headers) {
        return Some("compressed bodies are not accepted");
    }
    (!is_json(method, headers)).then_some("the body must be application/json")
}

/// Whether the body is not compressed.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .into_iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the one content type is JSON in UTF-8. A PATCH may call it a merge patch.
fn is_json(method: &Method, headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).into_iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    if content_type == "application/json" {
        return true;
    }
    let Ok(content_type) = content_type.to_str() else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || method == Method::PATCH && essence.eq_ignore_ascii_case("application/merge-patch+json");
    let is_utf8 = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) | None => true,
    };
    is_json && parts.all(is_utf8)
}
