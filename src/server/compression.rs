//! Which answers are worth compressing: REST's, of more than a packet, when the client can read it.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Body;
use tower::Layer;
use tower_http::compression::predicate::Predicate;
use tower_http::compression::{Compression, CompressionLayer};

/// Below this many bytes an answer fits a packet anyway.
const WORTH_IT: u64 = 1024;

/// A service whose larger answers are compressed.
pub type Compressed<S> = Compression<S, WorthIt>;

/// Compresses with gzip or zstd, whichever the client prefers.
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
