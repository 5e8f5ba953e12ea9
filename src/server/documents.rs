//! What the service serves as it is, to everyone: each document has a path, an ETag and a policy, and can only be read.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tower::Service;
use xxhash_rust::xxh3::xxh3_128;

use super::compression::accepts_gzip;
use super::services::Rest;
use super::{BoxFuture, Request, Response, docs, inbox, request_id};
use crate::error::{Error, Kind};
use ::transcode::is_not_modified;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The content type of an OpenAPI document.
pub const JSON: &str = "application/json";
/// Of a page.
pub const HTML: &str = "text/html; charset=utf-8";
/// Of its script.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Of its style sheet.
pub const STYLE: &str = "text/css; charset=utf-8";

/// Every document, by its path. Cheap to clone.
#[derive(Clone)]
pub struct Documents(Arc<BTreeMap<String, Document>>);

/// Something to read.
pub struct Document {
    content_type: HeaderValue,
    policy: HeaderValue,
    etag: HeaderValue,
    body: Bytes,
    is_gzip: bool,
}

impl Documents {
    /// The OpenAPI documents, the page that shows them, and the inbox.
    pub fn compose() -> Self {
        let mut documents = docs::compose();
        documents.extend(inbox::compose());
        Self(Arc::new(documents))
    }

    fn find(&self, path: &str) -> Option<&Document> {
        // Nearly every request is for something else.
        let may_be = ["/openapi", "/docs", "/inbox"].iter().any(|start| path.starts_with(start));
        if may_be { self.0.get(path) } else { None }
    }
}

impl Document {
    /// A document under a Content-Security-Policy.
    pub fn new(content_type: &'static str, policy: HeaderValue, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        // Weak: the same whether the answer is compressed or not.
        let etag = HeaderValue::from_str(&format!("W/\"{:032x}\"", xxh3_128(&body)));
        Self {
            content_type: HeaderValue::from_static(content_type),
            policy,
            // Hexadecimal digits in quotes are always a header's value.
            etag: etag.unwrap_or(HeaderValue::from_static("W/\"\"")),
            body,
            is_gzip: false,
        }
    }

    /// The same of a body that the build has compressed.
    pub fn gzip(content_type: &'static str, policy: HeaderValue, body: &'static [u8]) -> Self {
        Self { is_gzip: true, ..Self::new(content_type, policy, body) }
    }

    fn answer(&self, request: &HeaderMap) -> Result<Response, Error> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        // A new version of the service is seen at once; as long as there is none, asking costs a header.
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

/// The REST protocol with the documents beside it.
#[derive(Clone)]
pub struct Documented<R> {
    documents: Documents,
    rest: R,
}

impl<R> Documented<R> {
    /// Documents first, then whatever `rest` has.
    pub fn new(documents: Documents, rest: R) -> Self {
        Self { documents, rest }
    }
}

impl<R: Rest> Service<Request> for Documented<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.rest.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        let Some(document) = self.documents.find(request.uri().path()) else {
            return self.rest.call(request);
        };
        let failure = |error: Error| {
            let request_id = request.headers().get(request_id::HEADER);
            self.rest.error_response(request.uri().path(), &error, request_id)
        };
        let response = match *request.method() {
            Method::GET | Method::HEAD => document.answer(request.headers()).unwrap_or_else(failure),
            Method::OPTIONS => allowing(StatusCode::NO_CONTENT, Response::default()),
            _ => {
                let refusal = Error::new(Kind::MethodNotAllowed, "method not allowed");
                allowing(StatusCode::METHOD_NOT_ALLOWED, failure(refusal))
            }
        };
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn allowing(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response.headers_mut().insert(ALLOW, METHODS);
    response
}
