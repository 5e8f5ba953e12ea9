//! How an API says that a call failed: its envelope, and an answer per status.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::api::{Api, Body, Route};
use crate::error::{Kind, Row};
use crate::pb::rest::ErrorEnvelope;

/// The schema of the API's error envelope, by its name.
pub(super) fn envelope(api: &Api) -> [(String, Value); 1] {
    let schema = match api.dialect.errors() {
        ErrorEnvelope::Nested => nested(),
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => flat(),
    };
    [(envelope_name(api).to_owned(), schema)]
}

fn envelope_name(api: &Api) -> &'static str {
    match api.dialect.errors() {
        ErrorEnvelope::Nested => "NestedError",
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => "FlatError",
    }
}

fn flat() -> Value {
    let violation = json!({
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string"}, "value": {"description": "What was sent."}},
    });
    json!({
        "type": "object",
        "description": "Why a call failed.",
        "required": ["code", "message", "name", "status"],
        "properties": {
            "code": {"type": "string", "description": "The kind of failure, for programs.", "enum": words(|row| row.flat.0)},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "name": {"type": "string", "description": "The kind of failure, for people.", "enum": words(|row| row.flat.1)},
            "status": {"type": "integer", "description": "The HTTP status.", "minimum": 400, "maximum": 599},
            "fields": {
                "type": "object",
                "description": "What is wrong with which field of the request.",
                "additionalProperties": violation,
            },
        },
    })
}

fn nested() -> Value {
    let error = json!({
        "type": "object",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "string", "description": "The kind of failure, for programs.", "enum": words(|row| row.nested)},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "details": {
                "type": "object",
                "description": "What is wrong with which field of the request. With 403, `required` names the capability that is \
                                lacking; with 500, `requestId` the request to ask about.",
                "additionalProperties": {"type": "string"},
            },
        },
    });
    json!({
        "type": "object",
        "description": "Why a call failed.",
        "required": ["error"],
        "properties": {"error": error},
    })
}

/// Every word there is for a kind of failure.
fn words(of: impl Fn(Row) -> &'static str) -> BTreeSet<&'static str> {
    Kind::ALL.into_iter().map(|kind| of(kind.row())).collect()
}

/// An answer for every status that the API fails with, by its name.
pub(super) fn responses(api: &Api) -> Map<String, Value> {
    let used = api.routes.iter().flat_map(|route| kinds(api, route));
    let by_status = used.map(|kind| (status(api, kind), kind)).collect::<BTreeMap<_, _>>();
    by_status.into_iter().map(|(status, kind)| (name(api, status), response(api, status, kind))).collect()
}

/// The ways the route can fail, as references to [`responses`] by status.
pub(super) fn of(api: &Api, route: &Route) -> Map<String, Value> {
    let statuses = kinds(api, route).into_iter().map(|kind| status(api, kind));
    let reference = |status| json!({"$ref": format!("#/components/responses/{}", name(api, status))});
    statuses.map(|status| (status.as_str().to_owned(), reference(status))).collect()
}

fn kinds(api: &Api, route: &Route) -> Vec<Kind> {
    let mut kinds = vec![
        Kind::Invalid,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::TooLarge,
        Kind::RateLimited,
        Kind::Internal,
        Kind::Unavailable,
        Kind::DeadlineExceeded,
    ];
    if !matches!(route.body, Body::None) {
        kinds.push(Kind::UnsupportedMedia);
    }
    if route.is_write() {
        kinds.push(Kind::Conflict);
        if api.has_versions(route) {
            kinds.push(Kind::VersionMismatch);
        }
    }
    if route.rpc.is_server_streaming() {
        kinds.push(Kind::Gone);
    }
    kinds
}

/// The kind's HTTP status in this dialect. An override is of a gRPC code, so it moves the kind that stands for the
/// code and leaves those that only share it, such as an unsupported media type.
fn status(api: &Api, kind: Kind) -> StatusCode {
    let row = kind.row();
    let stands_for_code = Kind::from_code(row.code) == kind;
    let moved = api
        .dialect
        .status_overrides
        .iter()
        .filter(|_| stands_for_code)
        .find(|moved| moved.code.replace('_', "").eq_ignore_ascii_case(&format!("{:?}", row.code)));
    let moved = moved.and_then(|moved| StatusCode::from_u16(moved.status.try_into().ok()?).ok());
    moved.unwrap_or(row.status)
}

fn name(api: &Api, status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Failed").replace(' ', "");
    format!("{}{reason}", api.service.name())
}

fn response(api: &Api, status: StatusCode, kind: Kind) -> Value {
    let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/XRequestId"}});
    if kind == Kind::MethodNotAllowed {
        headers["allow"] = json!({"$ref": "#/components/headers/Allow"});
    }
    if kind == Kind::Unauthenticated {
        headers["www-authenticate"] = json!({"$ref": "#/components/headers/WwwAuthenticate"});
    }
    if matches!(kind, Kind::RateLimited | Kind::Unavailable | Kind::DeadlineExceeded) {
        headers["retry-after"] = json!({"$ref": "#/components/headers/RetryAfter"});
    }
    if kind == Kind::RateLimited {
        headers["x-ratelimit-limit"] = json!({"$ref": "#/components/headers/XRateLimitLimit"});
        headers["x-ratelimit-remaining"] = json!({"$ref": "#/components/headers/XRateLimitRemaining"});
        headers["x-ratelimit-reset"] = json!({"$ref": "#/components/headers/XRateLimitReset"});
    }
    json!({
        "description": description(kind),
        "headers": headers,
        "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{}", envelope_name(api))},
            "example": example(api, status, kind),
        }},
    })
}

fn example(api: &Api, status: StatusCode, kind: Kind) -> Value {
    let row = kind.row();
    let message = sentence_fragment(description(kind));
    match api.dialect.errors() {
        ErrorEnvelope::Nested => {
            let details = if kind == Kind::Forbidden {
                json!({"required": "send"})
            } else if kind == Kind::Internal {
                json!({"requestId": "5f0c6e0d2a9b4c1e8d7f3a6b9c2e1f40"})
            } else {
                json!({})
            };
            json!({"error": {"code": row.nested, "message": message, "details": details}})
        }
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => {
            json!({"code": row.flat.0, "message": message, "name": row.flat.1, "status": status.as_u16()})
        }
    }
}

/// As error messages are written: lower case, no full stop.
fn sentence_fragment(sentence: &str) -> String {
    let fragment = sentence.trim_end_matches('.');
    fragment.chars().take(1).flat_map(char::to_lowercase).chain(fragment.chars().skip(1)).collect()
}

fn description(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid => "The request is not valid; nothing was changed.",
        Kind::Unauthenticated => "No token, or a bad one.",
        Kind::Forbidden => "The token lacks the capability.",
        Kind::NotFound => "It does not exist, or belongs to another organization.",
        Kind::MethodNotAllowed => "The path exists, the method does not.",
        Kind::Conflict | Kind::Aborted | Kind::FailedPrecondition => "The state of things forbids it.",
        Kind::VersionMismatch => "`If-Match` names another version.",
        Kind::Gone => "What it starts from is no longer kept.",
        Kind::TooLarge => "The body is too large.",
        Kind::UnsupportedMedia => "The body is not of a type that is understood.",
        Kind::RateLimited => "Too many calls.",
        Kind::Unimplemented => "The server does not have this method.",
        Kind::Internal => "Internal error; the cause is logged under the request id.",
        Kind::Cancelled | Kind::Overloaded | Kind::Unavailable => "Temporarily unavailable.",
        Kind::DeadlineExceeded => "The time for the call is up.",
    }
}
