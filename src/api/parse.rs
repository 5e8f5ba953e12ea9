//! Typed values of request fields and metadata; errors name the field.

use std::fmt::Display;
use std::str::FromStr;

use tonic::metadata::MetadataMap;

use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::instant::Instant;

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

/// Parses a chat address of the chat API, in which bare digits are a phone number.
pub(super) fn chat_address(field: &str, text: &str) -> Result<ChatAddress> {
    ChatAddress::from_chat_id(text).map_err(|expected| Error::invalid(field, expected))
}

/// The instant of a field in Unix milliseconds.
pub(super) fn unix_millis(field: &str, millis: i64) -> Result<Instant> {
    Instant::from_millis(millis).ok_or_else(|| Error::invalid(field, Instant::MILLIS))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SessionId;

    #[test]
    fn invalid_item_is_named_by_its_index() {
        let texts = [SessionId::generate().to_string(), "?".to_owned()];
        let error = parse_each::<SessionId>("session_ids", &texts, parse).unwrap_err();
        assert_eq!(error.fields()[0].field, "session_ids[1]");
    }

    #[test]
    fn x_phone_is_one_phone_number_or_phone_id() {
        let parsed = |values: &[&str]| {
            let mut metadata = MetadataMap::new();
            for value in values {
                metadata.append("x-phone", value.parse().unwrap());
            }
            x_phone(&metadata)
        };
        assert!(parsed(&[]).unwrap().is_none());
        assert!(parsed(&["15550100400"]).unwrap().is_some());
        assert!(parsed(&["phone-abcdefghijk1"]).unwrap().is_some());
        for invalid in [&["+15550100400"][..], &[""], &["1555 0100400"], &["15550100400", "15550100400"]] {
            assert_eq!(parsed(invalid).unwrap_err().fields()[0].field, "x-phone", "{invalid:?}");
        }
    }
}
