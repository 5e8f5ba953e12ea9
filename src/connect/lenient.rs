//! Reads JSON of gateways that serde_json rejects: what a sender writes must not keep a message from being stored.
//!
//! Node.js escapes half of a surrogate pair, and original data may be nested without a limit.

use serde::de::IgnoredAny;
use serde_json::Value;

/// Levels that are kept. serde_json reads 127, and raw events add some of their own.
const MAX_DEPTH: usize = 100;
/// What half of a surrogate pair becomes: U+FFFD.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Reads JSON. Halves of surrogate pairs become U+FFFD, what is nested too deeply becomes `null`, and what still cannot be
/// read becomes a string with the JSON. `None` for what is not JSON.
pub(super) fn json(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    serde_json::from_slice::<IgnoredAny>(bytes).ok()?;
    let text = String::from_utf8_lossy(bytes);
    let readable = readable(text.as_bytes());
    Some(serde_json::from_slice(&readable).unwrap_or_else(|_| Value::String(text.into_owned())))
}

/// Reads the JSON object of a webhook like [`json`]. `None` for what is not a JSON object.
pub(super) fn webhook(bytes: &[u8]) -> Option<Value> {
    json(bytes).filter(|_| bytes.trim_ascii_start().starts_with(b"{"))
}

/// Valid JSON as serde_json reads it.
fn readable(json: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(json.len());
    let (mut depth, mut in_string, mut rest) = (0_usize, false, json);
    while let Some(first) = rest.first() {
        let (length, is_half) = if in_string { unit(rest) } else { (1, false) };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        match first {
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    copy.extend_from_slice(b"null");
                }
            }
            _ => {}
        }
        if depth <= MAX_DEPTH {
            copy.extend_from_slice(if is_half { REPLACEMENT } else { piece });
        }
        if matches!(first, b'}' | b']') && !in_string {
            depth = depth.saturating_sub(1);
        }
    }
    copy
}

/// The length of what a string begins with: an escape, a surrogate pair, or one byte; and whether it is half of such a pair.
fn unit(json: &[u8]) -> (usize, bool) {
    let low = || json.get(6..).and_then(escaped).is_some_and(|unit| (0xDC00..=0xDFFF).contains(&unit));
    match (json, escaped(json)) {
        (_, Some(0xD800..=0xDBFF)) if low() => (12, false),
        (_, Some(0xD800..=0xDFFF)) => (6, true),
        (_, Some(_)) => (6, false),
        ([b'\\', ..], None) => (2, false),
        (_, None) => (1, false),
    }
}

/// The UTF-16 code unit of an escape `\uXXXX`.
fn escaped(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_become_replacements() {
        for (text, expected) in [
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\ude2e", "😮"),
            (r"\ud83d\ud83d\ude2e\ude2e", "\u{fffd}😮\u{fffd}"),
            (r"\uD83Dx\u00e4\n", "\u{fffd}xä\n"),
            (r#"\\ud83d \"{[ \ud83d"#, "\\ud83d \"{[ \u{fffd}"),
        ] {
            assert_eq!(json(format!(r#"["{text}"]"#).as_bytes()), Some(json!([expected])), "{text}");
        }
        assert_eq!(json(b"[\"a\xff\"]"), Some(json!(["a\u{fffd}"])));
    }

    #[test]
    fn deep_levels_become_null() {
        let deep = format!(r#"{{"a":1,"b":{}"]}}"{},"c":[2]}}"#, "[".repeat(5000), "]".repeat(5000));
        let value = json(deep.as_bytes()).unwrap();
        assert_eq!((&value["a"], &value["c"]), (&json!(1), &json!([2])));
        let mut level = &value["b"];
        for _ in 1..MAX_DEPTH {
            level = &level[0];
        }
        assert_eq!(level, &Value::Null);
    }

    #[test]
    fn unreadable_objects_are_kept_as_text_and_others_rejected() {
        let number = r#" {"a":1e999}"#;
        assert_eq!(webhook(number.as_bytes()), Some(number.into()));
        for other in
            ["", "[]", "1", "{", r#""{""#, "[1e999]", r#"{"a":"\ud83"}"#, "{\"a\":\"\\ud83d}", "\u{fffd}"]
        {
            assert_eq!(webhook(other.as_bytes()), None, "{other}");
        }
    }
}
