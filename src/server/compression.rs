//! Compression of REST responses: which are compressed, and with which encoding.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

/// Responses of up to this many bytes fit a packet anyway.
const MIN_BYTES: u64 = 1024;

/// Compresses with gzip or zstd, whichever [`negotiate`] chose.
pub fn layer() -> CompressionLayer<LargeJson> {
    CompressionLayer::new().gzip(true).zstd(true).compress_when(LargeJson)
}

/// Selects complete JSON responses of more than [`MIN_BYTES`].
#[derive(Clone, Copy)]
pub struct LargeJson;

impl Predicate for LargeJson {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        // A response of unknown size is a stream: its items must not wait in the compressor.
        let is_large = response.body().size_hint().exact().is_some_and(|size| size > MIN_BYTES);
        let content_type =
            response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        is_large
            && content_type.starts_with(b"application/json")
            && !response.headers().contains_key(CONTENT_ENCODING)
    }
}

/// Reduces `accept-encoding` to the one encoding of the response.
/// Returns whether there is one.
///
/// A client that accepts no supported encoding gets an uncompressed response, which RFC 9110 (12.5.3) allows: tower-http
/// would run the call and then respond 406, so that a change is made and its result is lost.
pub fn negotiate(headers: &mut HeaderMap) -> bool {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return false;
    }
    let wanted = |coding| quality(headers, coding).or_else(|| quality(headers, "*")).unwrap_or(0);
    let best = match (wanted("zstd"), wanted("gzip")) {
        (0, 0) => None,
        (zstd, gzip) if zstd >= gzip => Some(("zstd", zstd)),
        (_, gzip) => Some(("gzip", gzip)),
    };
    let plain = quality(headers, "identity").unwrap_or(0);
    match best.filter(|(_, wanted)| *wanted >= plain) {
        Some((coding, _)) => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
            true
        }
        None => {
            headers.remove(ACCEPT_ENCODING);
            false
        }
    }
}

/// Adds `vary`, and makes the ETag weak if the response may be compressed.
///
/// A weak ETag names the content, whatever its encoding (RFC 9110, 8.8.1). That holds for HEAD and 304 as well, which have
/// nothing to compress.
pub fn write_headers<B>(response: &mut Response<B>, may_compress: bool) {
    let headers = response.headers_mut();
    let strong = headers.get(ETAG).filter(|etag| may_compress && etag.as_bytes().starts_with(b"\""));
    if let Some(weak) =
        strong.and_then(|etag| HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()).ok())
    {
        headers.insert(ETAG, weak);
    }
    let others = headers.get_all(VARY).into_iter().filter(|name| **name != ACCEPT_ENCODING.as_str());
    let others = others.filter_map(|names| names.to_str().ok());
    let all = others.fold(ACCEPT_ENCODING.as_str().to_owned(), |all, names| format!("{all}, {names}"));
    if let Ok(all) = HeaderValue::from_str(&all) {
        headers.insert(VARY, all);
    }
}

/// Whether the client accepts a response that is already compressed with gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    quality(headers, "gzip").or_else(|| quality(headers, "*")).is_some_and(|quality| quality > 0)
}

/// The client's weight of an encoding, in thousandths; `None` if not named.
fn quality(headers: &HeaderMap, coding: &str) -> Option<u16> {
    let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    let mut items = lists.flat_map(|list| list.split(',')).map(|item| match item.split_once(';') {
        Some((name, parameters)) => (name.trim(), weight(parameters.trim())),
        None => (item.trim(), 1000),
    });
    items.find(|(name, _)| name.eq_ignore_ascii_case(coding)).map(|(_, weight)| weight)
}

/// `q=0.5` in thousandths.
/// An invalid weight is 0: the client may be unable to read that encoding.
fn weight(parameter: &str) -> u16 {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    let value = value.and_then(|value| value.parse::<f32>().ok()).filter(|value| (0.0..=1.0).contains(value));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
    value.map_or(0, |value| (value * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accepted: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(accepted).expect("a header's value"));
        let is_compressed = negotiate(&mut headers);
        assert_eq!(is_compressed, headers.contains_key(ACCEPT_ENCODING));
        headers.get(ACCEPT_ENCODING).map_or("plain", |coding| coding.to_str().expect("text")).to_owned()
    }

    #[test]
    fn encoding_with_the_highest_weight_is_used() {
        for (accepted, expected) in [
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("gzip;q=0.8, zstd;q=0.5", "gzip"),
            ("zstd;q=0, gzip;q=0.001", "gzip"),
            ("*", "zstd"),
            ("*;q=0.5, zstd;q=0", "gzip"),
            ("identity;q=0.5, gzip;q=0.5", "gzip"),
            ("identity;q=0, gzip", "gzip"),
        ] {
            assert_eq!(negotiated(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn unsupported_encodings_leave_the_response_uncompressed() {
        for accepted in [
            "",
            "br",
            "identity",
            "identity, gzip;q=0.5",
            "identity;q=0",
            "*;q=0",
            "identity;q=0, *;q=0",
            "gzip;q=0, identity;q=0",
            "gzip;q=2",
            "gzip;level=9",
        ] {
            assert_eq!(negotiated(accepted), "plain", "{accepted}");
        }
    }
}
