//! The format of one REST API: its paths, the names of its fields, and its errors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
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

#[derive(Serialize)]
struct Flat<'e> {
    code: &'e str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<Cow<'e, str>, FlatField>,
    message: &'e str,
    name: &'e str,
    status: u16,
}

#[derive(Serialize)]
struct FlatField {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
}

#[derive(Serialize)]
struct Nested<'e> {
    error: NestedError<'e>,
}

#[derive(Serialize)]
struct NestedError<'e> {
    code: &'e str,
    details: BTreeMap<Cow<'e, str>, String>,
    message: &'e str,
}

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
            let field = self.names.spell(field);
            let message = format!("{field} {problem}");
            (field, FlatField { message, value: *value })
        });
        let body = match self.errors {
            ErrorEnvelope::Flat => serde_json::to_vec(&Flat {
                code: &error.code,
                fields: fields.collect(),
                message: &message,
                name: &error.name,
                status: self.status(error).as_u16(),
            }),
            ErrorEnvelope::Nested => {
                let fields = fields.map(|(field, FlatField { message, .. })| (field, message));
                let details = error.details.iter().map(|(name, value)| ((*name).into(), value.clone()));
                let request_id = request_id.filter(|_| error.shows_request_id);
                let request_id = request_id.map(|id| (self.names.spell("request_id"), id.to_owned()));
                let details = fields.chain(details).chain(request_id).collect();
                serde_json::to_vec(&Nested {
                    error: NestedError { code: &error.slug, details, message: &message },
                })
            }
        };
        debug_assert!(body.is_ok(), "strings and numbers always serialize");
        body.unwrap_or_default()
    }
}
