//! Phone numbers of an organization.

use std::fmt;
use std::str::FromStr;

use super::invalid_id::InvalidId;
use super::text_id::PhoneId;

/// A phone number: country code and number in 5 to 20 digits, without `+`, spaces or dashes.
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
        if (5..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
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

/// One of the organization's numbers, as `x-phone` selects it.
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
