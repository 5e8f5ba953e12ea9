//! Reads values of Meta's JSON.

use prost_types::Value as ProtoValue;
use serde_json::Value;

use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::json_value::JsonValue;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::Event;

/// Levels of JSON in the original data that a message keeps; ingest rejects more than 24.
const MAX_DEPTH: usize = 20;

/// The text at this pointer, if it is not empty.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// The text at this pointer as an own one.
pub(super) fn owned(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).map(str::to_owned)
}

/// The items of the list under this name.
pub(super) fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether `true` is at this pointer.
pub(super) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The field `timestamp`: Unix seconds, mostly as text.
///
/// # Errors
///
/// It is missing or no time.
pub(super) fn timestamp(value: &Value) -> Result<Instant, String> {
    let digits = match value.get("timestamp") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Instant::from_unix_time(&digits).ok_or_else(|| "timestamp: must be a Unix time in seconds".to_owned())
}

/// The address of a phone number, with or without punctuation.
pub(super) fn phone(text: &str) -> Option<ChatAddress> {
    let digits: String = text.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')')).collect();
    ChatAddress::from_chat_id(&digits).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// JSON that a message keeps; `None` if it is nested too deeply.
pub(super) fn json(value: Value) -> Option<ProtoValue> {
    let value = Some(value).filter(|value| is_flat(value, MAX_DEPTH))?;
    serde_json::from_value::<JsonValue>(value).ok().map(|JsonValue(value)| value)
}

fn is_flat(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_flat(item, depth - 1)),
        Value::Object(fields) => depth > 0 && fields.values().all(|value| is_flat(value, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// The event; its session and number are filled in by the worker.
pub(super) fn event(event: Event) -> IngestEvent {
    IngestEvent { event: Some(event), ..IngestEvent::default() }
}
