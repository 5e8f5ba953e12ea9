//! Reads values of WAHA's JSON, which its engines spell in several ways.

use serde_json::Value;

use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;

pub(super) use crate::connect::json::json;

/// Numbers from here on are milliseconds, smaller ones seconds.
const FIRST_MILLIS: f64 = 1e11;

/// The first text at these pointers that is not empty, without U+0000.
pub(super) fn text(value: &Value, pointers: &[&str]) -> Option<String> {
    let mut texts = pointers.iter().filter_map(|pointer| value.pointer(pointer)?.as_str());
    texts.find(|text| !text.is_empty()).map(|text| text.replace('\0', ""))
}

/// Whether one of these pointers holds `true`.
pub(super) fn flag(value: &Value, pointers: &[&str]) -> bool {
    pointers.iter().any(|pointer| value.pointer(pointer).and_then(Value::as_bool) == Some(true))
}

/// The first number at these pointers, which may also be a text of digits, or two halves of 32 bits as Baileys writes them.
pub(super) fn number(value: &Value, pointers: &[&str]) -> Option<f64> {
    pointers.iter().find_map(|pointer| as_number(value.pointer(pointer)?))
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Object(halves) => {
            let (low, high) = (halves.get("low")?.as_f64()?, halves.get("high")?.as_f64()?);
            // The low half is written as a signed number.
            Some(high * 4_294_967_296.0 + if low < 0.0 { low + 4_294_967_296.0 } else { low })
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

/// The first whole number at these pointers that is not negative.
pub(super) fn whole(value: &Value, pointers: &[&str]) -> Option<u64> {
    let number = number(value, pointers).filter(|number| (0.0..9e15).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    Some(number as u64)
}

/// The first instant at these pointers: seconds, milliseconds, a fraction of them, or ISO 8601.
pub(super) fn instant(value: &Value, pointers: &[&str]) -> Option<Instant> {
    pointers.iter().find_map(|pointer| as_instant(value.pointer(pointer)?))
}

fn as_instant(value: &Value) -> Option<Instant> {
    let Some(number) = as_number(value) else {
        // Go's zero time is the year 1.
        return value.as_str().and_then(Instant::from_iso_8601).filter(|at| at.micros() > 0);
    };
    let millis = if number < FIRST_MILLIS { number * 1000.0 } else { number };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "checked to be in range"
    )]
    (0.0 < millis && millis <= Instant::MAX_MILLIS as f64)
        .then(|| Instant::from_micros((millis * 1000.0).round() as i64))
}

/// The instant without its fraction of a second.
pub(super) fn whole_second(at: Instant) -> Instant {
    Instant::from_micros(at.micros().div_euclid(1_000_000) * 1_000_000)
}

/// The first address of a person at these pointers.
pub(super) fn person(value: &Value, pointers: &[&str]) -> Option<ChatAddress> {
    let mut addresses = pointers.iter().filter_map(|pointer| as_address(value.pointer(pointer)?));
    addresses.find(|address| address.kind() != AddressKind::Group)
}

/// An address as a text, or as an object of WhatsApp Web.
pub(super) fn as_address(value: &Value) -> Option<ChatAddress> {
    let text = value.as_str().or_else(|| value.get("_serialized")?.as_str())?;
    text.parse().ok()
}

/// The chat of an address; `None` for status updates, broadcast lists and channels, which are no chats.
///
/// # Errors
///
/// The text is no address.
pub(super) fn chat(field: &str, text: &str) -> Result<Option<ChatAddress>, String> {
    if text.ends_with("@broadcast") || text.ends_with("@newsletter") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| format!("{field}: {error}"))
}

/// The texts of a list, which may be objects with the text under this name.
pub(super) fn texts(value: &Value, pointers: &[&str], name: &str) -> Vec<String> {
    let lists = pointers.iter().filter_map(|pointer| value.pointer(pointer)?.as_array());
    let items = lists.flatten().filter_map(|item| item.as_str().or_else(|| item.get(name)?.as_str()));
    items.filter(|text| !text.is_empty()).map(|text| text.replace('\0', "")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instants_are_seconds_milliseconds_fractions_or_iso_8601() {
        let micros = |value| as_instant(&value).map(Instant::micros);
        for (value, expected) in [
            (json!(1_760_000_000), Some(1_760_000_000_000_000)),
            (json!(1_710_481_111.853), Some(1_710_481_111_853_000)),
            (json!(1_760_000_000_123_u64), Some(1_760_000_000_123_000)),
            (json!("1760000000"), Some(1_760_000_000_000_000)),
            (json!("2026-10-09T10:53:20+02:00"), Some(1_791_536_000_000_000)),
            (json!({"low": 1_760_000_000, "high": 0, "unsigned": true}), Some(1_760_000_000_000_000)),
            (json!("0001-01-01T00:00:00Z"), None),
            (json!(0), None),
            (json!(-1), None),
            (json!("NaN"), None),
            (json!(1e300), None),
            (json!("soon"), None),
        ] {
            assert_eq!(micros(value.clone()), expected, "{value}");
        }
    }
}
