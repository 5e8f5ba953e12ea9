//! HTTP responses: bodies, statuses and the headers that belong to them.

use axum::body::Body;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use tonic::Status;

use crate::dialect::Dialect;
use crate::error::ErrorInfo;
use crate::options::Options;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Metadata of replies that become response headers.
static STANDARD: [HeaderName; 6] = [ETAG, LOCATION, CACHE_CONTROL, LAST_MODIFIED, RETRY_AFTER, REQUEST_ID];

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An error in the dialect's envelope.
pub(crate) fn error(
    dialect: &Dialect,
    error: &ErrorInfo,
    request_id: Option<&HeaderValue>,
) -> Response<Body> {
    let status = dialect.status(error);
    let request_id = request_id.and_then(|id| id.to_str().ok());
    let mut response = json(status, dialect.error_body(error, request_id));
    let header = match status {
        StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Some((RETRY_AFTER, "1"))
        }
        _ => None,
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A failed call in the dialect's envelope.
/// The status is in the response's extensions.
pub(crate) fn failure(
    dialect: &Dialect,
    options: &Options,
    status: Status,
    request_id: Option<&HeaderValue>,
) -> Response<Body> {
    let mut response = error(dialect, &(options.describe_error)(&status), request_id);
    response.extensions_mut().insert(status);
    response
}

/// The response to OPTIONS.
pub(crate) fn options(allow: HeaderValue) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// The `Allow` header of a path with routes for these methods.
/// GET implies HEAD, and every path has OPTIONS.
pub(crate) fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> Option<HeaderValue> {
    let mut names: Vec<&str> = methods.map(Method::as_str).collect();
    if names.is_empty() {
        return None;
    }
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    HeaderValue::from_str(&names.join(", ")).ok()
}

/// The response to HEAD: that of GET without its body.
pub(crate) fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(length) = response.body().size_hint().exact()
        && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

/// Moves a reply's metadata that clients may see into the response's headers.
pub(crate) fn move_headers(mut from: HeaderMap, further: &[HeaderName], response: &mut Response<Body>) {
    if from.is_empty() {
        return;
    }
    for name in STANDARD.iter().chain(further) {
        if let Some(value) = from.remove(name) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
}

/// Whether `If-None-Match` lists the ETag, so that the response is 304.
/// Tags are compared weakly (RFC 9110).
pub fn is_not_modified(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else { return false };
    let lists = request.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    lists.into_iter().any(|list| list.trim() == "*" || entity_tags(list).any(|tag| opaque(tag) == etag))
}

/// The entity tags of a list. A comma may be part of a quoted tag.
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}
