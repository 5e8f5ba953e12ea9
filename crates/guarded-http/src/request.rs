//! A request.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::body::RequestBody;
use crate::multipart::Multipart;

/// A request.
#[derive(Debug)]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) timeout: Option<Duration>,
}

impl HttpRequest {
    /// A request without a body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), RequestBody::default());
        Self { method, url: url.into(), headers, body, timeout: None }
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: RequestBody) -> Self {
        self.body = body;
        self
    }

    /// Sets the body to this JSON text.
    pub fn json(self, text: impl Into<Bytes>) -> Self {
        self.json_body(RequestBody::default().bytes(text))
    }

    /// Sets the body to JSON text in pieces.
    pub fn json_body(self, text: RequestBody) -> Self {
        self.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(text)
    }

    /// Sets the body to a form with files.
    pub fn multipart(self, form: Multipart) -> Self {
        let (content_type, body) = form.finish();
        self.header(CONTENT_TYPE, content_type).body(body)
    }

    /// Limits this request, its response's body included, in place of the client's limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
