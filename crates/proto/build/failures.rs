//! The error table for the OpenAPI documents. A test compares it with `crates/core/src/error.rs`.

use transcode_build::openapi::Failure;
use transcode_build::{Body, Route};

use super::openapi::is_write;

const RETRY_AFTER: &[(&str, &str)] = &[("retry-after", "RetryAfter")];

/// Every failure that a REST route documents. One that no route documents only lends its words to the envelopes.
#[rustfmt::skip]
pub const FAILURES: [Failure; 18] = [
    Failure { details: None, ..failure("INVALID_ARGUMENT", 400, ("VALIDATION_ERROR", "Validation Error"), "validation_error",
        "The request is not valid; nothing was changed.", always) },
    Failure { headers: &[("www-authenticate", "WwwAuthenticate")],
        ..failure("UNAUTHENTICATED", 401, ("UNAUTHORIZED_ERROR", "Unauthorized"), "unauthorized", "The token is missing or invalid.", always) },
    Failure { details: Some(("required", "send")),
        ..failure("PERMISSION_DENIED", 403, ("FORBIDDEN_ERROR", "Forbidden"), "forbidden", "The token lacks the capability.", always) },
    failure("NOT_FOUND", 404, ("NOT_FOUND_ERROR", "Not Found"), "not_found",
        "The resource does not exist, or belongs to another organization.", always),
    Failure { headers: &[("allow", "Allow")], is_overridable: false,
        ..failure("UNIMPLEMENTED", 405, ("METHOD_NOT_ALLOWED_ERROR", "Method Not Allowed"), "method_not_allowed",
        "The path exists, but not with this method.", always) },
    failure("ALREADY_EXISTS", 409, ("CONFLICT_ERROR", "Conflict"), "conflict",
        "The request conflicts with the state of the resource.", is_write),
    Failure { is_overridable: false,
        ..failure("ABORTED", 412, ("CONFLICT_ERROR", "Conflict"), "precondition_failed",
        "The resource no longer has the version in `If-Match`.", |route| is_write(route) && route.has_etag()) },
    failure("OUT_OF_RANGE", 410, ("GONE_ERROR", "Gone"), "gone", "The position to start from is no longer stored.", streams),
    Failure { is_overridable: false,
        ..failure("RESOURCE_EXHAUSTED", 413, ("UNSUPPORTED_BODY_ERROR", "Unsupported Body"), "payload_too_large",
        "The body is too large.", always) },
    Failure { is_overridable: false,
        ..failure("INVALID_ARGUMENT", 415, ("UNSUPPORTED_BODY_ERROR", "Unsupported Body"), "unsupported_media_type",
        "The content type of the body is not supported.", |route| !matches!(route.binding.body, Body::None)) },
    Failure { headers: &[("retry-after", "RetryAfter"), ("x-ratelimit-limit", "XRateLimitLimit"),
            ("x-ratelimit-remaining", "XRateLimitRemaining"), ("x-ratelimit-reset", "XRateLimitReset")],
        ..failure("RESOURCE_EXHAUSTED", 429, ("RATE_LIMIT_ERROR", "Too Many Requests"), "rate_limited", "Too many requests.", always) },
    Failure { details: Some(("requestId", "5f0c6e0d2a9b4c1e8d7f3a6b9c2e1f40")),
        ..failure("INTERNAL", 500, ("UNKNOWN_ERROR", "Internal Error"), "internal",
        "Internal error; the cause is in the server's log, under the request id.", always) },
    Failure { headers: RETRY_AFTER,
        ..failure("UNAVAILABLE", 503, ("UNAVAILABLE_ERROR", "Unavailable"), "unavailable", "Temporarily unavailable.", always) },
    Failure { headers: RETRY_AFTER,
        ..failure("DEADLINE_EXCEEDED", 504, ("UNAVAILABLE_ERROR", "Unavailable"), "deadline_exceeded", "The deadline of the request has passed.", always) },
    // Only of media files, which no RPC serves.
    Failure { is_overridable: false,
        ..failure("OUT_OF_RANGE", 416, ("RANGE_NOT_SATISFIABLE_ERROR", "Range Not Satisfiable"), "range_not_satisfiable",
        "The file has no such part.", |_| false) },
    // Routes that write document 409 already.
    failure("FAILED_PRECONDITION", 409, ("CONFLICT_ERROR", "Conflict"), "conflict",
        "The state of the resource does not allow the request.", |_| false),
    Failure { is_overridable: false,
        ..failure("RESOURCE_EXHAUSTED", 409, ("CONFLICT_ERROR", "Conflict"), "quota_exceeded",
        "The organization has as many rows as its quota allows.", |_| false) },
    failure("UNIMPLEMENTED", 501, ("METHOD_NOT_ALLOWED_ERROR", "Method Not Allowed"), "unimplemented", "The method is not implemented.", |_| false),
];

const fn failure(
    code: &'static str,
    status: u16,
    flat: (&'static str, &'static str),
    nested: &'static str,
    description: &'static str,
    applies: fn(Route<'_>) -> bool,
) -> Failure {
    Failure {
        code,
        status,
        is_overridable: true,
        flat,
        nested,
        description,
        headers: &[],
        details: None,
        applies,
    }
}

fn always(_: Route<'_>) -> bool {
    true
}

fn streams(route: Route<'_>) -> bool {
    route.method.descriptor.is_server_streaming()
}
