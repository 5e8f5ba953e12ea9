//! Ids made of a prefix and random letters.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

use super::InvalidId;

pub(super) const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
pub(super) const LETTERS_AND_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// That many characters of the alphabet, drawn by a cryptographic generator.
pub(super) fn text(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}

const LENGTH: usize = 16;

macro_rules! prefixed_id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A new id.
            pub fn generate() -> Self {
                Self(format!(concat!($prefix, "{}"), text(LETTERS, LENGTH)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(id: &str) -> Result<Self, InvalidId> {
                let valid = id
                    .strip_prefix($prefix)
                    .is_some_and(|rest| rest.len() == LENGTH && rest.bytes().all(|b| b.is_ascii_lowercase()));
                if valid {
                    Ok(Self(id.to_owned()))
                } else {
                    Err(InvalidId(concat!("must be ", $prefix, " and 16 lower-case letters")))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

prefixed_id!(LabelId, "label-", "A label: `label-` and 16 lower-case letters.");
prefixed_id!(PropertyId, "property-", "A custom property: `property-` and 16 lower-case letters.");
prefixed_id!(WebhookId, "webhook-", "A webhook: `webhook-` and 16 lower-case letters.");
