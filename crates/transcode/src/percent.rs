//! Percent decoding of paths and query strings.

use std::borrow::Cow;

/// Why a text could not be decoded, as a fragment that follows the field's name.
pub type Refusal = &'static str;

const BAD_ESCAPE: Refusal = "has a `%` that two hexadecimal digits do not follow";
const BAD_UTF8: Refusal = "must be UTF-8";

/// Decodes every escape: what a variable of one segment takes.
pub fn decode_segment(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    decode(raw, false, false)
}

/// Decodes every escape but `%2F`, which stays as written to be told from a real slash.
pub fn decode_segments(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    decode(raw, true, false)
}

/// Decodes a name or value of a query string, where `+` is a space.
pub fn decode_query(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    decode(raw, false, true)
}

/// Whether an encoded path segment spells a text, which may itself be written with escapes.
pub fn spells(raw: &str, literal: &str) -> bool {
    raw == literal
        || (raw.contains('%') || literal.contains('%'))
            && matches!((decode_segment(raw), decode_segment(literal)), (Ok(raw), Ok(literal)) if raw == literal)
}

fn decode(raw: &str, keep_slash: bool, plus_is_space: bool) -> Result<Cow<'_, str>, Refusal> {
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
                match escaped.ok_or(BAD_ESCAPE)? {
                    b'/' if keep_slash => decoded.extend_from_slice(&raw[at - 1..at + 2]),
                    escaped => decoded.push(escaped),
                }
                at += 2;
            }
            b'+' if plus_is_space => decoded.push(b' '),
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| BAD_UTF8)
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
}
