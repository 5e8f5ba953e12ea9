//! HTTP answers: bodies, statuses and the headers that belong to them.

use axum::body::Body;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;

use super::dialect::Dialect;
use crate::error::{Error, Kind};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A failure in the words of an API. The answer's extensions hold its [`Kind`].
pub(super) fn failure(dialect: &Dialect, error: &Error, request_id: Option<&HeaderValue>) -> Response<Body> {
    let status = dialect.status(error.kind());
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
    response.extensions_mut().insert(error.kind());
    response
}

/// The answer where the path exists and the HTTP method does not.
pub(super) fn method_not_allowed(dialect: &Dialect, allow: HeaderValue) -> Response<Body> {
    let mut response = failure(dialect, &Error::new(Kind::MethodNotAllowed, "method not allowed"), None);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// The answer to OPTIONS.
pub(super) fn options(allow: HeaderValue) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// The `Allow` of a path that has routes for these methods: GET implies HEAD, and every path has OPTIONS.
pub(super) fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> Option<HeaderValue> {
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

/// The answer to HEAD: what GET would say, without the body.
pub(super) fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(length) = response.body().size_hint().exact()
        && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

/// Names a request, also where the caller did not.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the service may say in headers besides its message.
static PASSED_ON: [HeaderName; 7] = [
    ETAG,
    http::header::LOCATION,
    http::header::CACHE_CONTROL,
    http::header::LAST_MODIFIED,
    RETRY_AFTER,
    REQUEST_ID,
    HeaderName::from_static("idempotency-replayed"),
];

/// Moves the headers a service set into its answer.
pub(super) fn pass_on(from: &mut HeaderMap, response: &mut Response<Body>) {
    if from.is_empty() {
        return;
    }
    for name in &PASSED_ON {
        if let Some(value) = from.remove(name) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
}

/// Whether the caller has this version already: `If-None-Match` names it, in the weak comparison of RFC 9110.
pub fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else { return false };
    let lists = request.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    lists.into_iter().any(|list| list.trim() == "*" || entity_tags(list).any(|tag| opaque(tag) == etag))
}

/// The items of a list of entity tags, where a comma may stand inside the quotes.
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}
