//! The form of emails and label names for comparison.

use crate::folding::compose;

/// The text in NFC and Unicode lower case. Names are equal when their keys are.
///
/// PostgreSQL's `lower` depends on the locale of the database.
pub fn text_key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case may not be in NFC: `İ` becomes two characters.
    compose(&compose(text).to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn key_ignores_case_and_composition() {
        assert_eq!(text_key("VIP"), text_key("vip"));
        assert_eq!(text_key("E\u{301}tage"), text_key("étage"));
        assert_eq!(text_key("\u{212B}"), text_key("å"));
        assert_ne!(text_key("résumé"), text_key("resume"));
    }

    proptest! {
        #[test]
        fn key_of_a_key_is_itself(text: String) {
            let key = text_key(&text);
            prop_assert_eq!(text_key(&key), key);
        }
    }
}
