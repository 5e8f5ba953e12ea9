//! Reading of request bodies: media type, size, bytes.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tonic::Status;

use crate::error::{Reason, Rejection};
use crate::options::{GunzipError, Options};

/// Reads a JSON body of at most the size limit, decompressed. An empty body needs no content type.
pub(crate) async fn read(parts: &Parts, body: Body, options: Options) -> Result<Bytes, Status> {
    let Parts { method, headers, extensions, .. } = parts;
    let limit = options.max_body_bytes;
    let gunzip = options.gunzip.filter(|_| is_gzip(headers));
    let Some(message) = unsupported(method, headers, gunzip.is_some()) else {
        let bytes = read_any(headers, body, limit).await?;
        return match gunzip {
            Some(gunzip) if !bytes.is_empty() => match gunzip(extensions, &bytes, limit) {
                Ok(plain) => Ok(plain.into()),
                Err(GunzipError::Refused(status)) => Err(status),
                Err(GunzipError::TooLarge) => Err(too_large(limit).into()),
                Err(GunzipError::Invalid) => {
                    Err(Rejection::invalid("body", "must be gzip, as its content-encoding says").into())
                }
            },
            Some(_) | None => Ok(bytes),
        };
    };
    let unsupported = Rejection::new(Reason::UnsupportedMediaType, message);
    if !body.is_end_stream() && content_length(headers).is_some_and(|length| length > 0) {
        return Err(unsupported.into());
    }
    match read_any(headers, body, limit).await {
        Ok(bytes) if bytes.is_empty() => Ok(bytes),
        Err(rejection) if rejection.reason != Reason::PayloadTooLarge => Err(rejection.into()),
        Ok(_) | Err(_) => Err(unsupported.into()),
    }
}

fn too_large(limit: usize) -> Rejection {
    Rejection::new(Reason::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
}

/// Reads a body of any type, of at most `limit` bytes.
pub(crate) async fn read_any(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Rejection> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let is_longer = |length| usize::try_from(length).map_or(true, |length| length > limit);
    if content_length(headers).is_some_and(is_longer) {
        return Err(too_large(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(_) => Err(Rejection::invalid("body", "ended before it was complete")),
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}

/// Whether the body has the one encoding gzip.
fn is_gzip(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).into_iter();
    let is_gzip = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"gzip");
    encodings.next().is_some_and(is_gzip) && encodings.next().is_none()
}

/// Why a body with these headers is not supported.
fn unsupported(method: &Method, headers: &HeaderMap, is_decompressed: bool) -> Option<&'static str> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).into_iter();
    let is_plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !is_decompressed && !encodings.all(is_plain) {
        return Some("the content-encoding of the body is not supported");
    }
    (!is_json(method, headers)).then_some("the body must be application/json")
}

/// Whether the content type is JSON in UTF-8; for PATCH also a merge patch.
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
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let name = value.trim().trim_matches(['"', '\'']).replace(['-', '_'], "");
            ["utf8", "usascii", "ascii"].iter().any(|known| name.eq_ignore_ascii_case(known))
        }
        Some(_) | None => true,
    };
    is_json && parts.all(is_utf8)
}
