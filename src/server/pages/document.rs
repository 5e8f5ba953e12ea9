//! A document that is served as it is, with an ETag and a Content-Security-Policy.

use std::io::Read;
use std::sync::OnceLock;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use xxhash_rust::xxh3::xxh3_128;

use crate::server::compression::accepts_gzip;
use crate::server::types::Response;
use ::transcode::is_not_modified;

/// A document in memory, with and without gzip. Each form is prepared once, at its first request.
pub struct Document {
    content_type: HeaderValue,
    policy: HeaderValue,
    etag: HeaderValue,
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl Document {
    /// A document under a Content-Security-Policy.
    pub fn new(content_type: &'static str, policy: HeaderValue, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { plain: OnceLock::from(body.clone()), ..Self::unprepared(content_type, policy, &body) }
    }

    /// A document whose body the build has compressed with gzip.
    pub fn gzip(content_type: &'static str, policy: HeaderValue, body: &'static [u8]) -> Self {
        let gzip = OnceLock::from(Bytes::from_static(body));
        Self { gzip, ..Self::unprepared(content_type, policy, body) }
    }

    fn unprepared(content_type: &'static str, policy: HeaderValue, body: &[u8]) -> Self {
        // Weak: the same whether the response is compressed or not.
        let etag = HeaderValue::from_str(&format!("W/\"{:032x}\"", xxh3_128(body)));
        Self {
            content_type: HeaderValue::from_static(content_type),
            policy,
            // Hexadecimal digits in quotes are always a valid header value.
            etag: etag.unwrap_or(HeaderValue::from_static("W/\"\"")),
            plain: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    /// Responds to GET and HEAD: 304 if the client has the current version.
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        // Clients see a new version of the service at once; until then a check costs a header.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_not_modified(request, &self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let form = if accepts_gzip(request) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            converted(&self.gzip, &self.plain, |plain| GzEncoder::new(plain, Compression::best()))
        } else {
            converted(&self.plain, &self.gzip, GzDecoder::new)
        };
        response.map(|_| Body::from(form))
    }
}

/// The bytes of a form, at the first call converted from the other form.
fn converted<'f, R: Read>(
    form: &'f OnceLock<Bytes>,
    other: &'f OnceLock<Bytes>,
    convert: impl FnOnce(&'f [u8]) -> R,
) -> Bytes {
    let bytes = form.get_or_init(|| {
        let mut bytes = Vec::new();
        // Reading from memory cannot fail, and the build has compressed what is decompressed.
        let _ = convert(other.get().map(AsRef::as_ref).unwrap_or_default()).read_to_end(&mut bytes);
        bytes.into()
    });
    bytes.clone()
}
