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
