//! Percent decoding of paths and query strings.

use std::borrow::Cow;

/// Why a text could not be decoded, as a phrase that follows the field's name.
pub type DecodeProblem = &'static str;

const INVALID_ESCAPE: DecodeProblem = "has a `%` without two hexadecimal digits after it";
const INVALID_UTF8: DecodeProblem = "must be UTF-8";

/// Decodes the value of a one-segment path variable: every escape.
pub fn decode_segment(raw: &str) -> Result<Cow<'_, str>, DecodeProblem> {
    decode(raw, false, false)
}

/// Decodes the value of a multi-segment path variable: every escape but `%2F`.
/// It is kept, because a decoded one would look like a separator.
pub fn decode_segments(raw: &str) -> Result<Cow<'_, str>, DecodeProblem> {
    decode(raw, true, false)
}

/// Decodes a name or value of a query string: every escape, and `+` as a space.
pub fn decode_query(raw: &str) -> Result<Cow<'_, str>, DecodeProblem> {
    decode(raw, false, true)
}

/// Whether two path segments are equal once decoded.
pub(crate) fn is_same_segment(a: &str, b: &str) -> bool {
    a == b
        || (a.contains('%') || b.contains('%'))
            && matches!((decode_segment(a), decode_segment(b)), (Ok(a), Ok(b)) if a == b)
}

fn decode(raw: &str, keep_slash: bool, plus_is_space: bool) -> Result<Cow<'_, str>, DecodeProblem> {
    let special = |byte: u8| byte == b'%' || plus_is_space && byte == b'+';
    let Some(first) = raw.bytes().position(special) else { return Ok(Cow::Borrowed(raw)) };
    let raw = raw.as_bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    decoded.extend_from_slice(&raw[..first]);
    let mut at = first;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        match byte {
            b'%' => {
                let escaped = hex(raw.get(at)).zip(hex(raw.get(at + 1))).map(|(high, low)| high << 4 | low);
                match escaped.ok_or(INVALID_ESCAPE)? {
                    b'/' if keep_slash => decoded.extend_from_slice(&raw[at - 1..at + 2]),
                    escaped => decoded.push(escaped),
                }
                at += 2;
            }
            b'+' if plus_is_space => decoded.push(b' '),
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| INVALID_UTF8)
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
}
