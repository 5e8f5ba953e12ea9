//! An organization's WhatsApp numbers.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, is_digits, random};

/// A number: country code and number in 5 to 20 digits, without `+`, spaces or dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if is_digits(text, 5..=20) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId("must be a country code and number in digits, such as 15550100400"))
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const PREFIX: &str = "phone-";
const LENGTH: usize = 12;

/// A number's other name: `phone-` and 12 lower-case letters or digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneId(String);

impl PhoneId {
    /// A new id.
    pub fn generate() -> Self {
        Self(format!("{PREFIX}{}", random::text(random::LETTERS_AND_DIGITS, LENGTH)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text.strip_prefix(PREFIX).is_some_and(|rest| {
            rest.len() == LENGTH && rest.bytes().all(|b| random::LETTERS_AND_DIGITS.contains(&b))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidId("must be a phone id")) }
    }
}

impl fmt::Display for PhoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How `x-phone` names one of the organization's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneSelector {
    /// By its digits.
    Phone(Phone),
    /// By its phone id.
    PhoneId(PhoneId),
}

impl fmt::Display for PhoneSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(phone) => phone.fmt(f),
            Self::PhoneId(id) => id.fmt(f),
        }
    }
}

impl FromStr for PhoneSelector {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse()
            .map(Self::Phone)
            .or_else(|_| text.parse().map(Self::PhoneId))
            .map_err(|_: InvalidId| InvalidId("must be a country code and number in digits, or a phone id"))
    }
}
