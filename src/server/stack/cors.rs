//! CORS: which web pages may call the service from a browser.
//! Own code because a route's own `OPTIONS` must reach the route, and tower-http's layer treats every `OPTIONS` as a
//! preflight.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::Next;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::server::types::{Request, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, x-api-key, x-phone, content-type, grpc-timeout, x-grpc-web, x-user-agent, \
     connect-protocol-version, if-match, if-none-match, if-range, range, idempotency-key, last-event-id, prefer, x-request-id, traceparent",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "grpc-status, grpc-message, grpc-status-details-bin, etag, x-ignored-fields, idempotency-replayed, x-request-id, \
     retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, grpc-retry-pushback-ms, allow, \
     accept-ranges, content-range, content-disposition",
);
/// Two hours, in seconds: the most that browsers honour.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// The allowed origins as browsers send them: `https://inbox.acme.example`.
#[derive(Clone)]
pub struct Cors {
    origins: Arc<[HeaderValue]>,
}

impl Cors {
    /// Allows these origins.
    pub fn new(origins: &[String]) -> Self {
        Self { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }
}

/// Adds the headers that allow listed origins.
/// Tokens travel in headers, so credentials (cookies) are never allowed.
pub async fn cors(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    // Most clients are not browsers.
    if !request.headers().contains_key(ORIGIN) {
        return next.run(request).await;
    }
    let allowed = cors.allowed(request.headers());
    if *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight(allowed);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    response
}

/// The response to a preflight.
/// An origin that is not listed gets no permission headers, which denies the request.
fn preflight(allowed: Option<HeaderValue>) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(VARY, PREFLIGHT_VARY);
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}
