//! Reads values of Meta's JSON.

use serde_json::Value;

use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::Event;

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

/// The event; its session and number are filled in by the worker.
pub(super) fn event(event: Event) -> IngestEvent {
    IngestEvent { event: Some(event), ..IngestEvent::default() }
}
