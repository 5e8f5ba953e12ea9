//! The error responses of an API: its envelope, and one response per status.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use super::{OpenApi, header};
use crate::model::{Api, Route};
use crate::options::ErrorEnvelope;
use crate::status::status_constant;

/// A way in which calls fail.
pub struct Failure {
    /// The name of the gRPC code, such as `NOT_FOUND`.
    pub code: &'static str,
    /// The HTTP status, by the standard mapping.
    pub status: u16,
    /// Whether a dialect's override of the code's status applies. Not so where another failure is meant by the code.
    pub is_overridable: bool,
    /// `code` and `name` in the flat envelope.
    pub flat: (&'static str, &'static str),
    /// `code` in the nested envelope.
    pub nested: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Headers of the response: the name, and the name of its component.
    pub headers: &'static [(&'static str, &'static str)],
    /// An example of `details` in the nested envelope: name and value.
    pub details: Option<(&'static str, &'static str)>,
    /// Whether a route can fail in this way.
    pub applies: fn(Route<'_>) -> bool,
}

impl Failure {
    /// The HTTP status in the dialect of an API.
    fn status(&self, api: &Api<'_>) -> u16 {
        let mut overrides = api.dialect.status_overrides.iter().filter(|_| self.is_overridable);
        let moved = overrides.find(|moved| moved.code == self.code);
        moved.and_then(|moved| moved.status.try_into().ok()).unwrap_or(self.status)
    }

    /// The name of the response among the components, such as `ChatNotFound`.
    fn component(&self, api: &Api<'_>) -> String {
        let reason = status_constant(self.status(api)).unwrap_or("ERROR").to_upper_camel_case();
        format!("{}{reason}", api.name.to_upper_camel_case())
    }
}

/// The HTTP status of each gRPC code in the dialect of an API.
pub(super) fn statuses(api: &Api<'_>, failures: &[Failure]) -> HashMap<&'static str, u16> {
    let of_codes = failures.iter().filter(|failure| failure.is_overridable);
    of_codes.map(|failure| (failure.code, failure.status(api))).collect()
}

/// The schema of the API's error envelope, by its name.
pub(super) fn envelope(api: &Api<'_>, failures: &[Failure]) -> [(String, Value); 1] {
    let schema = match api.dialect.errors() {
        ErrorEnvelope::Nested => nested(failures),
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => flat(failures),
    };
    [(envelope_name(api).to_owned(), schema)]
}

fn envelope_name(api: &Api<'_>) -> &'static str {
    match api.dialect.errors() {
        ErrorEnvelope::Nested => "NestedError",
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => "FlatError",
    }
}

fn flat(failures: &[Failure]) -> Value {
    let codes: BTreeSet<_> = failures.iter().map(|failure| failure.flat.0).collect();
    let names: BTreeSet<_> = failures.iter().map(|failure| failure.flat.1).collect();
    let violation = json!({
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string"}, "value": {"description": "The value in the request."}},
    });
    json!({
        "type": "object",
        "description": "An error.",
        "required": ["code", "message", "name", "status"],
        "properties": {
            "code": {"type": "string", "description": "The kind of error, for programs.", "enum": codes},
            "message": {"type": "string", "description": "The error, for people."},
            "name": {"type": "string", "description": "The kind of error, for people.", "enum": names},
            "status": {"type": "integer", "description": "The HTTP status.", "minimum": 400, "maximum": 599},
            "fields": {
                "type": "object",
                "description": "The invalid fields of the request.",
                "additionalProperties": violation,
            },
        },
    })
}

fn nested(failures: &[Failure]) -> Value {
    let codes: BTreeSet<_> = failures.iter().map(|failure| failure.nested).collect();
    let error = json!({
        "type": "object",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "string", "description": "The kind of error, for programs.", "enum": codes},
            "message": {"type": "string", "description": "The error, for people."},
            "details": {
                "type": "object",
                "description": "The invalid fields of the request. With 403, `required` is the missing capability; with 500, \
                                `requestId` identifies the request in the server's log.",
                "additionalProperties": {"type": "string"},
            },
        },
    });
    json!({
        "type": "object",
        "description": "An error.",
        "required": ["error"],
        "properties": {"error": error},
    })
}

/// A response for every error status of the API, by its name.
pub(super) fn responses(api: &Api<'_>, openapi: &OpenApi<'_>) -> Map<String, Value> {
    let used = api
        .routes()
        .flat_map(|route| openapi.failures.iter().filter(move |failure| (failure.applies)(route)));
    let by_status: BTreeMap<_, _> = used.map(|failure| (failure.status(api), failure)).collect();
    by_status.into_values().map(|failure| (failure.component(api), response(api, failure, openapi))).collect()
}

/// The error responses of a route, by status: references to [`responses`].
pub(super) fn of(api: &Api<'_>, route: Route<'_>, failures: &[Failure]) -> Map<String, Value> {
    let possible = failures.iter().filter(|failure| (failure.applies)(route));
    let responses = possible.map(|failure| {
        let reference = format!("#/components/responses/{}", failure.component(api));
        (failure.status(api).to_string(), json!({"$ref": reference}))
    });
    responses.collect()
}

fn response(api: &Api<'_>, failure: &Failure, openapi: &OpenApi<'_>) -> Value {
    let headers = openapi.headers.iter().chain(failure.headers);
    let headers: Map<_, _> =
        headers.map(|(name, component)| ((*name).to_owned(), header(component))).collect();
    json!({
        "description": failure.description,
        "headers": headers,
        "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{}", envelope_name(api))},
            "example": example(api, failure),
        }},
    })
}

fn example(api: &Api<'_>, failure: &Failure) -> Value {
    let message = error_message(failure.description);
    match api.dialect.errors() {
        ErrorEnvelope::Nested => {
            let details: BTreeMap<_, _> = failure.details.into_iter().collect();
            json!({"error": {"code": failure.nested, "message": message, "details": details}})
        }
        ErrorEnvelope::Flat | ErrorEnvelope::Unspecified => {
            let (code, name) = failure.flat;
            json!({"code": code, "message": message, "name": name, "status": failure.status(api)})
        }
    }
}

/// The sentence as an error message: lower case, no full stop.
fn error_message(sentence: &str) -> String {
    let fragment = sentence.trim_end_matches('.');
    fragment.chars().take(1).flat_map(char::to_lowercase).chain(fragment.chars().skip(1)).collect()
}
