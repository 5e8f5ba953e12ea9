//! The format of one REST API: its paths, the names of its fields, and its errors.

use http::StatusCode;
use serde_json::{Map, Value, json};
use tonic::Code;

use crate::error::{ErrorInfo, FieldViolation};
use crate::json::PatchNull;
use crate::names::Names;

/// The format of one REST API, as its service declares it in the proto.
#[derive(Debug)]
pub struct Dialect {
    /// The path prefix that the API owns, such as `/v1`.
    pub prefix: &'static str,
    /// How fields are spelled in responses.
    pub names: Names,
    /// The shape of an error's body.
    pub errors: ErrorEnvelope,
    /// The meaning of `null` in the body of a PATCH.
    pub patch_null: PatchNull,
    /// Whether the body `""` of a PATCH counts as empty.
    pub empty_string_body: bool,
    /// HTTP statuses of gRPC codes, where they differ from the error's own.
    pub status_overrides: &'static [(Code, StatusCode)],
    /// Request headers that every method reads: responses list them in `Vary`.
    pub headers: &'static [&'static str],
}

/// The shape of an error's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorEnvelope {
    /// `{"code","message","name","status","fields"}`
    Flat,
    /// `{"error":{"code","message","details"}}`
    Nested,
}

/// The dialect of errors where there are no routes at all.
pub(crate) static DEFAULT: Dialect = Dialect {
    prefix: "/",
    names: Names::Proto,
    errors: ErrorEnvelope::Flat,
    patch_null: PatchNull::NotSent,
    empty_string_body: false,
    status_overrides: &[],
    headers: &[],
};

impl Dialect {
    /// Whether the prefix consists of the path's first segments.
    pub(crate) fn owns(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The HTTP status of an error: its code's override, or its own.
    pub(crate) fn status(&self, error: &ErrorInfo) -> StatusCode {
        let overridden = |(code, _): &&(Code, StatusCode)| Some(*code) == error.override_code;
        self.status_overrides.iter().find(overridden).map_or(error.status, |(_, status)| *status)
    }

    /// The JSON body of an error.
    pub(crate) fn error_body(&self, error: &ErrorInfo, request_id: Option<&str>) -> Vec<u8> {
        let message = error.message(self.names);
        // Reversed, so that of several problems of one field the first is kept.
        let fields = error.fields.iter().rev().map(|FieldViolation { field, problem, value }| {
            let field = self.names.spell(field).into_owned();
            let message = format!("{field} {problem}");
            (field, message, *value)
        });
        let body = match self.errors {
            ErrorEnvelope::Flat => {
                let fields: Map<String, Value> =
                    fields.map(|(field, message, value)| (field, flat_field(message, value))).collect();
                let mut body = json!({"code": error.code, "message": message, "name": error.name, "status": self.status(error).as_u16()});
                if !fields.is_empty() {
                    body["fields"] = fields.into();
                }
                body
            }
            ErrorEnvelope::Nested => {
                let mut details: Map<String, Value> =
                    fields.map(|(field, message, _)| (field, message.into())).collect();
                details.extend(
                    error.details.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())),
                );
                if let Some(id) = request_id.filter(|_| error.shows_request_id) {
                    details.insert(self.names.spell("request_id").into_owned(), id.into());
                }
                json!({"error": {"code": error.slug, "details": details, "message": message}})
            }
        };
        body.to_string().into_bytes()
    }
}

fn flat_field(message: String, value: Option<i64>) -> Value {
    match value {
        Some(value) => json!({"message": message, "value": value}),
        None => json!({"message": message}),
    }
}
