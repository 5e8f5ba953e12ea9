//! How a REST API spells the names of fields.

use std::borrow::Cow;

/// How fields are spelled in responses. Requests may use either spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As in the proto: `chat_id`.
    Proto,
    /// lowerCamelCase: `chatId`.
    LowerCamel,
}

impl Names {
    /// Spells the path of a field, given as in the proto.
    pub(crate) fn spell(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::LowerCamel if path.contains('_') => {
                let mut spelled = String::with_capacity(path.len());
                let mut after_underscore = false;
                for character in path.chars() {
                    match (character, after_underscore) {
                        ('_', _) => {}
                        (letter, true) => spelled.push(letter.to_ascii_uppercase()),
                        (letter, false) => spelled.push(letter),
                    }
                    after_underscore = character == '_';
                }
                Cow::Owned(spelled)
            }
            Self::Proto | Self::LowerCamel => Cow::Borrowed(path),
        }
    }
}
