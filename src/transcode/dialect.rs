//! The words of one REST API: whose paths it owns, and how its errors look.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use tonic::Code;

use super::json::PatchNull;
use crate::error::{Error, Kind};

/// The words of one REST API, as its service declares them in the proto.
#[derive(Debug)]
pub struct Dialect {
    /// The path prefix the API owns, such as `/v1`.
    pub prefix: &'static str,
    /// The shape of an error's body.
    pub errors: ErrorEnvelope,
    /// What `null` says in the body of a PATCH.
    pub patch_null: PatchNull,
    /// Whether the body `""` of a PATCH says nothing, as an empty one.
    pub empty_string_body: bool,
    /// HTTP statuses that differ from the standard mapping of a gRPC code.
    pub status_overrides: &'static [(Code, StatusCode)],
}

/// The shape of an error's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorEnvelope {
    /// `{"code","message","name","status","fields"}`
    Flat,
    /// `{"error":{"code","message","details"}}`
    Nested,
}

/// What paths that no API owns are answered in when there is no API at all.
pub(super) static PLAIN: Dialect = Dialect {
    prefix: "/",
    errors: ErrorEnvelope::Flat,
    patch_null: PatchNull::NotSent,
    empty_string_body: false,
    status_overrides: &[],
};

#[derive(Serialize)]
struct Flat<'e> {
    code: &'e str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'e str, FlatField<'e>>,
    message: &'e str,
    name: &'e str,
    status: u16,
}

#[derive(Serialize)]
struct FlatField<'e> {
    message: &'e str,
}

#[derive(Serialize)]
struct Nested<'e> {
    error: NestedError<'e>,
}

#[derive(Serialize)]
struct NestedError<'e> {
    code: &'e str,
    details: BTreeMap<&'e str, &'e str>,
    message: &'e str,
}

impl Dialect {
    /// Whether the API owns the path: its prefix is made of the path's first segments.
    pub fn owns(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The HTTP status of a failure. An override is about the kind that stands for its code, not about those that share it.
    pub fn status(&self, kind: Kind) -> StatusCode {
        let row = kind.row();
        let overridden =
            || self.status_overrides.iter().find(|(code, _)| *code == row.code).map(|(_, status)| *status);
        if Kind::from_code(row.code) == kind { overridden().unwrap_or(row.status) } else { row.status }
    }

    /// The body of a failure.
    pub(super) fn error_body(&self, error: &Error) -> Vec<u8> {
        let row = error.kind().row();
        let body = match self.errors {
            ErrorEnvelope::Flat => serde_json::to_vec(&Flat {
                code: row.flat.0,
                fields: error
                    .fields()
                    .iter()
                    .rev()
                    .map(|violation| (violation.field.as_str(), FlatField { message: &violation.message }))
                    .collect(),
                message: error.message(),
                name: row.flat.1,
                status: self.status(error.kind()).as_u16(),
            }),
            ErrorEnvelope::Nested => {
                let fields = error.fields().iter().rev();
                let fields = fields.map(|violation| (violation.field.as_str(), violation.message.as_str()));
                let required = error.required().map(|required| ("required", required));
                let details = fields.chain(required).collect();
                serde_json::to_vec(&Nested {
                    error: NestedError { code: row.nested, details, message: error.message() },
                })
            }
        };
        debug_assert!(body.is_ok(), "texts and numbers can always be written");
        body.unwrap_or_default()
    }
}
