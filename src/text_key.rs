//! The form in which emails and label names are compared.

use unicode_normalization::UnicodeNormalization;

/// The text in NFC and Unicode lower case: two texts are the same name when these are equal.
///
/// Done here and not by the database, whose lower case depends on its locale.
pub fn text_key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case can leave NFC (`İ` becomes two characters), so it is composed once more.
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_composition_do_not_count() {
        assert_eq!(text_key("VIP"), text_key("vip"));
        assert_eq!(text_key("E\u{301}tage"), text_key("étage"));
        assert_eq!(text_key("\u{212B}"), text_key("å"));
        assert_ne!(text_key("résumé"), text_key("resume"));
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text: String) {
            let key = text_key(&text);
            prop_assert_eq!(text_key(&key), key);
        }
    }
}
