//! Which answers are worth compressing: REST's, of more than a packet, when the client can read it.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;
use tower::Layer;
use tower_http::compression::predicate::Predicate;
use tower_http::compression::{Compression, CompressionLayer};

/// Below this many bytes an answer fits a packet anyway.
const WORTH_IT: u64 = 1024;

/// A service whose larger answers are compressed.
pub type Compressed<S> = Compression<S, WorthIt>;

/// Compresses with gzip or zstd, as [`settle`] left it in the request.
pub fn compressed<S>(service: S) -> Compressed<S> {
    CompressionLayer::new().gzip(true).zstd(true).compress_when(WorthIt).layer(service)
}

/// Says which answers are compressed.
#[derive(Clone, Copy)]
pub struct WorthIt;

impl Predicate for WorthIt {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        // An answer whose size is not known is a stream: its items must not wait in the compressor.
        let is_large = response.body().size_hint().exact().is_some_and(|size| size > WORTH_IT);
        let content_type =
            response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        is_large
            && content_type.starts_with(b"application/json")
            && !response.headers().contains_key(CONTENT_ENCODING)
    }
}

/// Leaves in the request the one encoding its answer may have, and says whether there is one. A client that accepts
/// nothing we have gets the answer as it is, which RFC 9110 (12.5.3) allows: tower-http would run the call and then
/// answer 406, so that a change is made and nobody is told.
pub fn settle(headers: &mut HeaderMap) -> bool {
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

/// Says of an answer that it depends on the encodings that the client accepts. Where one of them may be used, its ETag is
/// weak: then it names what is said, whatever bytes say it (RFC 9110, 8.8.1). That holds for HEAD and 304 as well, which
/// have nothing to compress.
pub fn tell<B>(response: &mut Response<B>, may_be_used: bool) {
    let headers = response.headers_mut();
    let strong = headers.get(ETAG).filter(|etag| may_be_used && etag.as_bytes().starts_with(b"\""));
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

/// Whether an answer that is compressed already can be sent so.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    quality(headers, "gzip").or_else(|| quality(headers, "*")).is_some_and(|quality| quality > 0)
}

/// How much a client wants an encoding, in thousandths; nothing where it does not name it.
fn quality(headers: &HeaderMap, coding: &str) -> Option<u16> {
    let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|list| list.to_str().ok());
    let mut items = lists.flat_map(|list| list.split(',')).map(|item| match item.split_once(';') {
        Some((name, parameters)) => (name.trim(), weight(parameters.trim())),
        None => (item.trim(), 1000),
    });
    items.find(|(name, _)| name.eq_ignore_ascii_case(coding)).map(|(_, weight)| weight)
}

/// `q=0.5` in thousandths. What is no weight is 0: better an answer that is not compressed than one nobody can read.
fn weight(parameter: &str) -> u16 {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    let value = value.and_then(|value| value.parse::<f32>().ok()).filter(|value| (0.0..=1.0).contains(value));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
    value.map_or(0, |value| (value * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(accepted: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(accepted).expect("a header's value"));
        let compresses = settle(&mut headers);
        assert_eq!(compresses, headers.contains_key(ACCEPT_ENCODING));
        headers.get(ACCEPT_ENCODING).map_or("plain", |coding| coding.to_str().expect("text")).to_owned()
    }

    #[test]
    fn the_encoding_a_client_wants_most_is_taken() {
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
            assert_eq!(settled(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn a_client_that_accepts_nothing_we_have_gets_the_answer_as_it_is() {
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
            assert_eq!(settled(accepted), "plain", "{accepted}");
        }
    }
}
