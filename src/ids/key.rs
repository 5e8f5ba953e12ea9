//! Api-keys.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, random};

const LENGTH: usize = 12;

/// The public part of an api-key: 12 lower-case letters or digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// A new id.
    pub fn generate() -> Self {
        Self(random::text(random::LETTERS_AND_DIGITS, LENGTH))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() == LENGTH && text.bytes().all(|b| random::LETTERS_AND_DIGITS.contains(&b));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidId("must be a key id")) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
