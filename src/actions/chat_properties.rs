//! Validation of the values of custom properties.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::violations::{reject, violation};
use crate::error::Result;
use crate::ids::{OrgId, PropertyId};
use crate::instant::Instant;
use crate::store::chat_properties::{Property, definitions as stored_definitions};
use crate::store::{Connection, StoreResult};

/// The field of a chat that contains the values.
pub const FIELD: &str = "custom_properties";
const MAX_CHARACTERS: usize = 10_000;

const NOT_OPTIONS: &str = "must be an array of the property's options";

/// A value as the client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertyInput {
    /// `null` removes the value.
    Null,
    /// A string.
    Text(String),
    /// An array of strings.
    Texts(Vec<String>),
    /// Any other JSON value, which no property accepts.
    Other,
}

/// The changes of a chat's values.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Values to store.
    pub(super) set: Vec<(PropertyId, Value)>,
    /// Values to remove.
    pub(super) removed: Vec<PropertyId>,
}

/// Validates values against the organization's properties. Lists all invalid keys.
pub(super) fn resolve(
    connection: &mut Connection,
    org: OrgId,
    input: &BTreeMap<String, PropertyInput>,
) -> StoreResult<Changes> {
    // PostgreSQL cannot store NUL.
    let keys: Vec<&str> = input.keys().map(String::as_str).filter(|key| !key.contains('\0')).collect();
    Ok(check(&definitions(connection, org, &keys)?, input)?)
}

/// The properties with these ids or names.
pub(super) fn definitions(
    connection: &mut Connection,
    org: OrgId,
    keys: &[&str],
) -> StoreResult<Vec<Property>> {
    if keys.is_empty() { Ok(Vec::new()) } else { stored_definitions(connection, org, keys) }
}

/// Validates values against the [`definitions`] of their keys.
pub(super) fn check(definitions: &[Property], input: &BTreeMap<String, PropertyInput>) -> Result<Changes> {
    let mut changes = Changes::default();
    let mut violations = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, value) in input {
        match change(definitions, &mut seen, key, value) {
            Ok((id, Some(value))) => changes.set.push((id, value)),
            Ok((id, None)) => changes.removed.push(id),
            Err(problem) => violations.push(violation(FIELD, key, problem)),
        }
    }
    reject(violations)?;
    Ok(changes)
}

/// The property of a key and its new value; `None` removes the value.
fn change<'a>(
    definitions: &'a [Property],
    seen: &mut BTreeSet<&'a PropertyId>,
    key: &str,
    value: &PropertyInput,
) -> Result<(PropertyId, Option<Value>), String> {
    let by_id = definitions.iter().find(|property| property.property_id.as_str() == key);
    let property = by_id.or_else(|| definitions.iter().find(|property| property.name == key));
    let property = property.ok_or("is not a property of the organization")?;
    if !seen.insert(&property.property_id) {
        return Err("must not repeat a property".to_owned());
    }
    let value = if *value == PropertyInput::Null { None } else { Some(checked(property, value)?) };
    Ok((property.property_id.clone(), value))
}

/// The value to store if the property's kind accepts the input.
fn checked(property: &Property, input: &PropertyInput) -> Result<Value, String> {
    use PropertyInput::{Text, Texts};
    match (property.kind.as_str(), input) {
        ("text", Text(text)) => check_text(text).map(|()| Value::from(text.as_str())),
        ("date", Text(text)) if Instant::is_iso_8601(text) => Ok(Value::from(text.as_str())),
        ("dropdown", Text(text)) if property.options.contains(text) => Ok(Value::from(text.as_str())),
        ("picklist", Text(text)) => picked(property, text.split(',')),
        ("picklist", Texts(texts)) => picked(property, texts.iter().map(String::as_str)),
        ("text", _) => Err("must be a string".to_owned()),
        ("date", _) => Err("must be an ISO 8601 date or date-time".to_owned()),
        ("dropdown", _) => Err("must be one of the property's options".to_owned()),
        (_, _) => Err(NOT_OPTIONS.to_owned()),
    }
}

fn check_text(text: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not contain NUL".to_owned());
    }
    if text.chars().count() > MAX_CHARACTERS {
        return Err(format!("must be at most {MAX_CHARACTERS} characters"));
    }
    Ok(())
}

/// The selected options without duplicates, in the client's order.
fn picked<'a>(property: &Property, texts: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    let mut picked: Vec<&str> = Vec::new();
    for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
        if !property.options.iter().any(|option| option == text) {
            return Err(NOT_OPTIONS.to_owned());
        }
        if !picked.contains(&text) {
            picked.push(text);
        }
    }
    Ok(Value::from(picked))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actions::violations::MAX_VIOLATIONS;

    fn property(id: char, name: &str, kind: &str) -> Property {
        let property_id = format!("property-{}", id.to_string().repeat(16)).parse().unwrap();
        let options = vec!["Red".to_owned(), "Green".to_owned()];
        Property { property_id, name: name.to_owned(), kind: kind.to_owned(), options }
    }

    fn text(text: &str) -> PropertyInput {
        PropertyInput::Text(text.to_owned())
    }

    fn texts(texts: &[&str]) -> PropertyInput {
        PropertyInput::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn kind_accepts_its_own_values() {
        let long = "é".repeat(MAX_CHARACTERS);
        for (kind, input, value) in [
            ("text", text(""), json!("")),
            ("text", text(&long), json!(long)),
            ("date", text("2026-11-22"), json!("2026-11-22")),
            ("date", text("2026-11-22T10:00"), json!("2026-11-22T10:00")),
            ("date", text("2026-11-22T10:00:00.5Z"), json!("2026-11-22T10:00:00.5Z")),
            ("date", text("2026-11-22T10:00:00+05:30"), json!("2026-11-22T10:00:00+05:30")),
            ("date", text("9999-12-31T23:59:59Z"), json!("9999-12-31T23:59:59Z")),
            ("dropdown", text("Red"), json!("Red")),
            ("picklist", text("Red, Green,Red"), json!(["Red", "Green"])),
            ("picklist", texts(&["Green"]), json!(["Green"])),
            ("picklist", text(""), json!([])),
        ] {
            assert_eq!(checked(&property('a', "P", kind), &input), Ok(value), "{kind} {input:?}");
        }
    }

    #[test]
    fn kind_rejects_all_other_values() {
        for (kind, input) in [
            ("text", text("\0")),
            ("text", text(&"e".repeat(MAX_CHARACTERS + 1))),
            ("text", texts(&["x"])),
            ("text", PropertyInput::Other),
            ("date", text("22.11.2026")),
            ("date", text("2026-02-30")),
            ("date", text("")),
            ("date", text("2026-11-22T10:00:00+01:00[Europe/Paris]")),
            ("dropdown", text("red")),
            ("dropdown", texts(&["Red"])),
            ("picklist", text("Red,Blue")),
            ("picklist", texts(&["red"])),
            ("picklist", PropertyInput::Other),
        ] {
            assert!(checked(&property('a', "P", kind), &input).is_err(), "{kind} {input:?}");
        }
    }

    #[test]
    fn key_is_id_or_name_and_null_removes() {
        let definitions = [property('a', "Note", "text"), property('b', "Due", "date")];
        let input = BTreeMap::from([
            ("Note".to_owned(), text("x")),
            (definitions[1].property_id.to_string(), PropertyInput::Null),
        ]);
        let changes = check(&definitions, &input).unwrap();
        assert_eq!(changes.set, [(definitions[0].property_id.clone(), json!("x"))]);
        assert_eq!(changes.removed, [definitions[1].property_id.clone()]);
    }

    #[test]
    fn echoed_input_in_errors_is_bounded() {
        let input = (0..50).map(|i| (i.to_string() + &"é".repeat(5000), PropertyInput::Null)).collect();
        let error = check(&[], &input).unwrap_err();
        assert_eq!(error.fields().len(), MAX_VIOLATIONS);
        assert!(error.fields().iter().all(|violation| violation.problem.len() < 300));
    }

    #[test]
    fn error_lists_every_invalid_key() {
        let definitions = [property('a', "Note", "text")];
        let id = definitions[0].property_id.to_string();
        let input = BTreeMap::from([
            ("Colour".to_owned(), PropertyInput::Null),
            ("Note".to_owned(), text("x")),
            (id.clone(), text("y")),
        ]);
        let error = check(&definitions, &input).unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["custom_properties.Colour", &format!("custom_properties.{id}")]);
        assert_eq!(error.message(), "custom_properties.Colour is not a property of the organization");
    }
}
