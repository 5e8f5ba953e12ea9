//! Typed values of request fields and metadata; errors name the field.

use std::fmt::Display;
use std::str::FromStr;

use tonic::metadata::MetadataMap;

use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::instant::Instant;
use crate::pb::unix_time;

/// Parses the text of a field.
pub(super) fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T> {
    text.parse().map_err(|expected| Error::invalid(field, expected))
}

/// Parses every text of a repeated field; an error names the item, such as `session_ids[1]`.
pub(super) fn parse_each<T>(
    field: &str,
    texts: &[String],
    parse: impl Fn(&str, &str) -> Result<T>,
) -> Result<Vec<T>> {
    texts.iter().enumerate().map(|(index, text)| parse(&format!("{field}[{index}]"), text)).collect()
}

/// Parses the text of an optional field.
pub(super) fn optional<T>(
    field: &str,
    text: Option<String>,
    parse: impl Fn(&str, &str) -> Result<T>,
) -> Result<Option<T>> {
    text.map(|text| parse(field, &text)).transpose()
}

/// Parses a chat address of the chat API, in which bare digits are a phone number.
pub(super) fn chat_address(field: &str, text: &str) -> Result<ChatAddress> {
    ChatAddress::from_chat_id(text).map_err(|expected| Error::invalid(field, expected))
}

/// The instant of a field in Unix milliseconds. Rejects what is plainly in seconds.
pub(super) fn unix_millis(field: &str, millis: i64) -> Result<Instant> {
    if unix_time::looks_like_seconds(millis) {
        return Err(Error::invalid(field, Instant::LOOKS_LIKE_SECONDS));
    }
    Instant::from_millis(millis).ok_or_else(|| Error::invalid(field, Instant::MILLIS))
}

/// The instant of a field in ISO 8601, or in Unix seconds or milliseconds.
pub(super) fn iso_8601(field: &str, text: &str) -> Result<Instant> {
    let found = Instant::from_iso_8601(text).or_else(|| Instant::from_unix_time(text));
    found.ok_or_else(|| match Instant::from_iso_8601(&text.replace(' ', "+")) {
        // In a query, a plus sign is a space.
        Some(_) if text.rfind(' ').is_some_and(|space| space > "2026-11-22T10".len()) => {
            Error::invalid(field, "must have the plus sign of its offset escaped as %2B")
        }
        _ => Error::invalid(field, Instant::ISO_8601),
    })
}

/// The number that the `x-phone` metadata selects.
pub(super) fn x_phone(metadata: &MetadataMap) -> Result<Option<PhoneSelector>> {
    const NAME: &str = "x-phone";
    let mut values = metadata.get_all(NAME).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Error::invalid(NAME, "must be sent once")),
        (Some(value), None) => parse(NAME, value.to_str().unwrap_or_default()).map(Some),
    }
}
