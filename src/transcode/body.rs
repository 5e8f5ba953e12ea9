//! Reading a request's body: its type, its size, its bytes.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::json::invalid;
use crate::error::{Error, Kind};

/// Reads a JSON body of at most that many bytes. An empty body needs no content type.
pub(super) async fn read(
    method: &Method,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Error> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let understood = is_json(method, headers) && is_plain(headers);
    let unsupported = || Error::new(Kind::UnsupportedMedia, "the body must be application/json");
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(length) if length > 0 && !understood => return Err(unsupported()),
        Some(length) if usize::try_from(length).map_or(true, |length| length > limit) => {
            return Err(too_large(limit));
        }
        Some(_) | None => {}
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => match body.to_bytes() {
            bytes if bytes.is_empty() || understood => Ok(bytes),
            _ => Err(unsupported()),
        },
        Err(error) if !understood && error.is::<LengthLimitError>() => Err(unsupported()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(_) => Err(invalid("body", "ended before it was complete")),
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::TooLarge, format!("the body is larger than {limit} bytes"))
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
