//! Ids that are a prefix and random characters.

use std::fmt;
use std::str::FromStr;

use rand::Rng;

use super::invalid_id::InvalidId;

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const LETTERS_AND_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// An id of `$length` characters of `$alphabet` after `$prefix`, drawn by a cryptographic generator.
macro_rules! text_id {
    ($name:ident, $prefix:literal, $length:literal of $alphabet:ident, $expected:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A new random id.
            pub fn generate() -> Self {
                let mut rng = rand::rng();
                let mut draw = || char::from($alphabet[rng.random_range(0..$alphabet.len())]);
                let random: String = (0..$length).map(|_| draw()).collect();
                Self(format!("{}{random}", $prefix))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let random = text.strip_prefix($prefix).filter(|random| random.len() == $length);
                let is_valid = random.is_some_and(|random| random.bytes().all(|b| $alphabet.contains(&b)));
                if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidId($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    KeyId, "", 12 of LETTERS_AND_DIGITS,
    "must be a key id",
    "The public part of an api-key: 12 lower-case letters or digits."
);
text_id!(
    PhoneId, "phone-", 12 of LETTERS_AND_DIGITS,
    "must be a phone id",
    "The id of a phone number: `phone-` and 12 lower-case letters or digits."
);
text_id!(
    LabelId, "label-", 16 of LETTERS,
    "must be label- and 16 lower-case letters",
    "The id of a label: `label-` and 16 lower-case letters."
);
text_id!(
    MediaId, "media-", 16 of LETTERS,
    "must be media- and 16 lower-case letters",
    "The id of a media file: `media-` and 16 lower-case letters."
);
text_id!(
    NoteId, "note-", 16 of LETTERS,
    "must be note- and 16 lower-case letters",
    "The id of a note: `note-` and 16 lower-case letters."
);
text_id!(
    PropertyId, "property-", 16 of LETTERS,
    "must be property- and 16 lower-case letters",
    "The id of a custom property: `property-` and 16 lower-case letters."
);
text_id!(
    WebhookId, "webhook-", 16 of LETTERS,
    "must be webhook- and 16 lower-case letters",
    "The id of a webhook: `webhook-` and 16 lower-case letters."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_id_parses() {
        let id = LabelId::generate();
        assert_eq!(id.as_str().parse::<LabelId>(), Ok(id));
        assert!(KeyId::generate().as_str().parse::<KeyId>().is_ok());
    }

    #[test]
    fn id_with_other_prefix_length_or_characters_is_invalid() {
        for text in
            ["", "label-", "label-abcdefghijklmno", "label-abcdefghijklmnoP", "phone-abcdefghijklmnop"]
        {
            assert!(text.parse::<LabelId>().is_err(), "{text:?}");
        }
    }
}
