//! Which web pages may call from a browser: those on the list, and none by default. Written here because a route's own
//! `OPTIONS` must get through, and tower-http's layer takes every `OPTIONS` for a preflight.

use std::sync::Arc;

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::around::Around;
use crate::server::types::{Answering, BoxFuture, Request, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, x-api-key, x-phone, content-type, grpc-timeout, x-grpc-web, x-user-agent, \
     connect-protocol-version, if-match, if-none-match, idempotency-key, last-event-id, prefer, x-request-id, traceparent",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "grpc-status, grpc-message, grpc-status-details-bin, etag, x-ignored-fields, idempotency-replayed, x-request-id, \
     retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, grpc-retry-pushback-ms, allow",
);
/// Two hours, in seconds: the most that browsers honour.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// Adds the headers that let listed origins in. Tokens travel in headers, so credentials (cookies) are never allowed.
#[derive(Clone)]
pub struct Cors {
    origins: Arc<[HeaderValue]>,
}

impl Cors {
    /// Exactly these origins, as browsers send them: `https://inbox.acme.example`.
    pub fn new(origins: &[String]) -> Self {
        Self { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.origins.iter().find(|allowed| *allowed == origin).cloned()
    }
}

impl Around for Cors {
    fn call(&self, request: Request, inner: &mut impl Answering) -> BoxFuture {
        // Most callers are no browsers.
        if !request.headers().contains_key(ORIGIN) {
            return inner.call(request);
        }
        let allowed = self.allowed(request.headers());
        if *request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        {
            return Box::pin(std::future::ready(Ok(preflight(allowed))));
        }
        let answer = inner.call(request);
        Box::pin(async move {
            let Ok(mut response) = answer.await;
            let headers = response.headers_mut();
            headers.append(VARY, HeaderValue::from_static("origin"));
            if let Some(origin) = allowed {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
            }
            Ok(response)
        })
    }
}

/// The answer to a browser that asks whether it may call. An origin that is not listed gets no permission, which is no.
fn preflight(allowed: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
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
