//! Headers of responses with an organization's data: who may store them, and what selects them.

use http::header::{CACHE_CONTROL, ETAG, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};

/// Keeps shared caches and other callers of a browser from the response. Public documents may be stored: they set
/// `cache-control` themselves.
pub fn write_headers(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = match headers.contains_key(ETAG) {
        // The caller's own cache may keep it, and asks each time whether it is current.
        true => "private, no-cache",
        false => "no-store",
    };
    if headers.get(CACHE_CONTROL).is_none_or(|policy| policy == "no-store") {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(policy));
        headers.append(VARY, HeaderValue::from_static("authorization, x-api-key"));
    }
}
