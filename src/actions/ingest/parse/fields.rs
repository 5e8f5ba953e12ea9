//! Fields that several kinds of events have: addresses, instants, text, JSON and cleared fields.

use prost_types::value::Kind;
use prost_types::{FieldMask, Timestamp, Value as ProtoValue};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::pb::ingest_json::{camel_case, whole_number};

const MAX_ID_BYTES: usize = 255;
/// Signed URLs of pictures are long.
const MAX_URL_BYTES: usize = 2048;
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Objects and arrays in each other. Readers of protobuf stop at 100 nested messages; a level of JSON is three.
const MAX_DEPTH: usize = 24;
const NUL: &str = "must not contain the character U+0000";

/// The optional fields of an event, some of which it may clear.
pub(super) struct Fields {
    /// The kind of event as JSON spells it.
    kind: &'static str,
    cleared: Vec<String>,
}

impl Fields {
    /// Rejects a mask that names anything but clearable fields.
    pub(super) fn new(kind: &'static str, cleared: Option<FieldMask>, clearable: &[&str]) -> Result<Self> {
        let cleared = cleared.map(|mask| mask.paths).unwrap_or_default();
        if cleared.iter().any(|path| !clearable.contains(&path.as_str())) {
            let problem = format_args!("must only name {}", clearable.join(", "));
            return Err(Error::invalid(format!("{kind}.cleared"), problem));
        }
        Ok(Self { kind, cleared })
    }

    /// A value that needs no check.
    pub(super) fn patch<T>(&self, name: &str, value: Option<T>) -> Patch<T> {
        if self.cleared.iter().any(|path| path == name) {
            return Patch::Clear;
        }
        value.map_or(Patch::Keep, Patch::Set)
    }

    /// A text without U+0000.
    pub(super) fn text(&self, name: &str, value: Option<String>) -> Result<Patch<String>> {
        self.patch(name, value).try_map(|value| text(&self.path(name), value))
    }

    /// The URL of a picture. Programs that show chats load it: no other scheme than http and https.
    pub(super) fn picture(&self, name: &str, value: Option<String>) -> Result<Patch<String>> {
        self.patch(name, value).try_map(|url| match is_web_url(&url) {
            true => Ok(url),
            false => Err(Error::invalid(self.path(name), "must be an http or https URL")),
        })
    }

    pub(super) fn instant(&self, name: &str, value: Option<Timestamp>) -> Result<Patch<Instant>> {
        Ok(self.patch(name, instant(&self.path(name), value)?))
    }

    fn path(&self, name: &str) -> String {
        format!("{}.{}", self.kind, camel_case(name))
    }
}

fn is_web_url(text: &str) -> bool {
    let rest = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let has_host = rest.is_some_and(|(_, rest)| !rest.starts_with(['/', '?', '#']) && !rest.is_empty());
    has_host && text.len() <= MAX_URL_BYTES && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

pub(super) fn address(field: &str, text: &str) -> Result<ChatAddress> {
    text.parse().map_err(|error| Error::invalid(field, error))
}

/// An address of that kind.
pub(super) fn address_of(field: &str, text: &str, kind: AddressKind, problem: &str) -> Result<ChatAddress> {
    let address = address(field, text)?;
    if address.kind() == kind { Ok(address) } else { Err(Error::invalid(field, problem)) }
}

/// The address of a person.
pub(super) fn person(field: &str, text: &str) -> Result<ChatAddress> {
    let address = address(field, text)?;
    match address.kind() {
        AddressKind::Person | AddressKind::Lid | AddressKind::UserId => Ok(address),
        AddressKind::Group => Err(Error::invalid(field, "must be a person, not a group")),
    }
}

pub(super) fn message_id(field: &str, id: String) -> Result<String> {
    let is_valid = (1..=MAX_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
    is_valid.then_some(id).ok_or_else(|| {
        Error::invalid(field, format_args!("must be 1 to {MAX_ID_BYTES} bytes without control characters"))
    })
}

pub(super) fn required(field: &str, timestamp: Option<Timestamp>) -> Result<Instant> {
    instant(field, timestamp)?.ok_or_else(|| Error::invalid(field, "is required"))
}

/// An instant from 1970 to the year 9999, rounded down to microseconds.
pub(super) fn instant(field: &str, timestamp: Option<Timestamp>) -> Result<Option<Instant>> {
    let Some(Timestamp { seconds, nanos }) = timestamp else { return Ok(None) };
    let whole = seconds.checked_mul(1000).and_then(Instant::from_millis);
    let instant = whole.filter(|_| (0..1_000_000_000).contains(&nanos));
    let instant = instant.map(|whole| Instant::from_micros(whole.micros() + i64::from(nanos) / 1000));
    instant.map(Some).ok_or_else(|| Error::invalid(field, "must be an instant from 1970 to the year 9999"))
}

/// A text that PostgreSQL can store.
pub(super) fn text(field: &str, text: String) -> Result<String> {
    if text.contains('\0') { Err(Error::invalid(field, NUL)) } else { Ok(text) }
}

/// The text of a message.
pub(super) fn body(field: &str, body: String) -> Result<String> {
    match body.len() > MAX_BODY_BYTES {
        true => Err(Error::invalid(field, format_args!("must be at most {MAX_BODY_BYTES} bytes"))),
        false => text(field, body),
    }
}

/// JSON that PostgreSQL can store and every client can read.
pub(in crate::actions) fn json(field: &str, value: ProtoValue) -> Result<Value> {
    nested_json(field, value, MAX_DEPTH)
}

/// JSON of at most `depth` levels of objects and arrays.
fn nested_json(field: &str, value: ProtoValue, depth: usize) -> Result<Value> {
    if depth == 0 && matches!(value.kind, Some(Kind::ListValue(_) | Kind::StructValue(_))) {
        return Err(Error::invalid(field, format_args!("must be nested at most {MAX_DEPTH} levels deep")));
    }
    let inner = |value| nested_json(field, value, depth.saturating_sub(1));
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => value.into(),
        Some(Kind::StringValue(value)) => text(field, value)?.into(),
        Some(Kind::NumberValue(number)) => match whole_number(number) {
            Some(whole) => whole.into(),
            None if number.is_finite() => number.into(),
            None => return Err(Error::invalid(field, "must not contain an infinite number")),
        },
        Some(Kind::ListValue(list)) => list.values.into_iter().map(inner).collect::<Result<_>>()?,
        Some(Kind::StructValue(object)) => {
            let members = object.fields.into_iter();
            members.map(|(name, value)| Ok((text(field, name)?, inner(value)?))).collect::<Result<_>>()?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_outside_the_years_1970_to_9999_is_rejected() {
        let at = |seconds, nanos| instant("at", Some(Timestamp { seconds, nanos }));
        assert_eq!(at(1, 2_500).unwrap(), Some(Instant::from_micros(1_000_002)));
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MAX, 0), (253_402_300_800, 0)] {
            assert_eq!(at(seconds, nanos).unwrap_err().fields()[0].field, "at", "{seconds} {nanos}");
        }
    }

    #[test]
    fn whole_numbers_are_stored_as_integers() {
        let number = |number| json("x", ProtoValue { kind: Some(Kind::NumberValue(number)) });
        assert_eq!(number(12.0).unwrap(), Value::from(12));
        assert_eq!(number(-0.5).unwrap(), Value::from(-0.5));
        assert!(number(f64::NAN).is_err());
    }
}
