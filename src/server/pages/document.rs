//! A document that is served as it is, with an ETag and a Content-Security-Policy.

use std::io::Read;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::Error;
use crate::server::compression::accepts_gzip;
use crate::server::types::Response;
use ::transcode::is_not_modified;

/// A document in memory.
pub struct Document {
    content_type: HeaderValue,
    policy: HeaderValue,
    etag: HeaderValue,
    body: Bytes,
    is_gzip: bool,
}

impl Document {
    /// A document under a Content-Security-Policy.
    pub fn new(content_type: &'static str, policy: HeaderValue, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        // Weak: the same whether the response is compressed or not.
        let etag = HeaderValue::from_str(&format!("W/\"{:032x}\"", xxh3_128(&body)));
        Self {
            content_type: HeaderValue::from_static(content_type),
            policy,
            // Hexadecimal digits in quotes are always a valid header value.
            etag: etag.unwrap_or(HeaderValue::from_static("W/\"\"")),
            body,
            is_gzip: false,
        }
    }

    /// A document whose body the build has compressed with gzip.
    pub fn gzip(content_type: &'static str, policy: HeaderValue, body: &'static [u8]) -> Self {
        Self { is_gzip: true, ..Self::new(content_type, policy, body) }
    }

    /// Responds to GET and HEAD: 304 if the client has the current version.
    pub fn respond(&self, request: &HeaderMap) -> Result<Response, Error> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        // Clients see a new version of the service at once; until then a check costs a header.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_not_modified(request, &self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if !self.is_gzip {
            return Ok(response.map(|_| Body::from(self.body.clone())));
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if accepts_gzip(request) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return Ok(response.map(|_| Body::from(self.body.clone())));
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.body.as_ref()).read_to_end(&mut plain).map_err(Error::internal)?;
        Ok(response.map(|_| Body::from(plain)))
    }
}
