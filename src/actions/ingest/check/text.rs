//! Which text can be stored: PostgreSQL holds every character but U+0000.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::patch::Patch;

/// Checks a text that is set.
pub(super) fn text_patch(field: &str, value: &Patch<String>) -> Result<()> {
    match value {
        Patch::Set(value) => text(field, value),
        Patch::Keep | Patch::Clear => Ok(()),
    }
}

/// Checks that PostgreSQL can hold the text.
pub(super) fn text(field: &str, value: &str) -> Result<()> {
    if value.contains('\0') { Err(unstorable(field)) } else { Ok(()) }
}

/// The refusal of a text that PostgreSQL cannot hold.
pub(super) fn unstorable(field: &str) -> Error {
    Error::invalid(field, "must not contain the character U+0000")
}

/// Whether all text in it can be stored.
pub(super) fn json_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => items.iter().all(json_text),
        Value::Object(fields) => json_fields(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Whether all text in these fields and their names can be stored.
pub(super) fn json_fields(fields: &Map<String, Value>) -> bool {
    fields.iter().all(|(key, value)| !key.contains('\0') && json_text(value))
}

/// A name of the proto as the JSON form spells it.
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        joined + &initial.to_ascii_uppercase() + rest
    })
}
