//! The words of one REST API: whose paths it owns, and how its errors look.

use std::borrow::Cow;
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
    /// How fields are spelled.
    pub names: Names,
    /// The shape of an error's body.
    pub errors: ErrorEnvelope,
    /// What `null` says in the body of a PATCH.
    pub patch_null: PatchNull,
    /// Whether the body `""` of a PATCH says nothing, as an empty one.
    pub empty_string_body: bool,
    /// HTTP statuses that differ from the standard mapping of a gRPC code.
    pub status_overrides: &'static [(Code, StatusCode)],
    /// Request headers that every method reads, so that answers vary with them.
    pub headers: &'static [&'static str],
}

/// How fields are spelled in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As in the proto: `chat_id`.
    Proto,
    /// `chatId`.
    LowerCamel,
}

impl Names {
    /// A field's path, given as the proto spells it.
    fn spell(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::LowerCamel if path.contains('_') => {
                let mut spelled = String::with_capacity(path.len());
                let mut after_underscore = false;
                for character in path.chars() {
                    match (character, after_underscore) {
                        ('_', _) => {}
                        (letter, true) => spelled.push(letter.to_ascii_uppercase()),
                        (letter, false) => spelled.push(letter),
                    }
                    after_underscore = character == '_';
                }
                Cow::Owned(spelled)
            }
            Self::Proto | Self::LowerCamel => Cow::Borrowed(path),
        }
    }
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

    /// The body of a failure. Of a fault of ours the caller learns only which request to ask about.
    pub(super) fn error_body(&self, error: &Error, request_id: Option<&str>) -> Vec<u8> {
        let row = error.kind().row();
        let spell = |field| self.names.spell(field);
        let message = error.message_spelled(spell);
        // Backwards, so that the first of several problems of one field stays.
        let fields = error.fields().iter().rev().map(|violation| {
            let field = spell(&violation.field);
            let sentence = violation.sentence(&field);
            (field, sentence, violation.value)
        });
        let body = match self.errors {
            ErrorEnvelope::Flat => serde_json::to_vec(&Flat {
                code: row.flat.0,
                fields: fields.map(|(field, message, value)| (field, FlatField { message, value })).collect(),
                message: &message,
                name: row.flat.1,
                status: self.status(error.kind()).as_u16(),
            }),
            ErrorEnvelope::Nested => {
                let required = error.required().map(|required| ("required".into(), required.to_owned()));
                let request_id = request_id.filter(|_| error.kind() == Kind::Internal);
                let request_id = request_id.map(|id| (spell("request_id"), id.to_owned()));
                let fields = fields.map(|(field, message, _)| (field, message));
                let details = fields.chain(required).chain(request_id).collect();
                serde_json::to_vec(&Nested {
                    error: NestedError { code: row.nested, details, message: &message },
                })
            }
        };
        debug_assert!(body.is_ok(), "texts and numbers can always be written");
        body.unwrap_or_default()
    }
}
