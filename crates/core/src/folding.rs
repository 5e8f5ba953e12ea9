//! Text without case, accents and compatibility forms, for search.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The first digits of scripts with digits of their own: Arabic, Persian, Devanagari, Bengali, Thai.
const ZEROS: [char; 5] = ['\u{660}', '\u{6F0}', '\u{966}', '\u{9E6}', '\u{E50}'];

/// A braille pattern without dots, which is no blank in Unicode.
const BRAILLE_BLANK: char = '\u{2800}';

/// The text in lower case, without accents, in NFC. Texts that people type for each other have the same result: `joao` and
/// `João`, `istanbul` and `İstanbul`, `ｗｉｄｅ` and `wide`. Folding a folded text changes nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let mut folded = String::with_capacity(text.len());
    for character in decomposed.chars().flat_map(char::to_lowercase).filter(|c| !is_dropped(*c)) {
        push_plain(&mut folded, character);
    }
    compose(&folded)
}

/// Longest part of a name that is searched, in characters.
const MAX_NAME: usize = 256;

/// A name as it is searched: `chats.search_key` and `contacts.search_key`.
pub fn name_key(name: &str) -> String {
    fold(name).chars().take(MAX_NAME).collect()
}

/// The text in NFC: letters with their accents as one character where there is one.
pub fn compose(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// Whether nothing of the text is visible.
pub fn is_blank(text: &str) -> bool {
    let is_ignorable = |c: char| CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    text.chars().all(|c| c.is_whitespace() || c == BRAILLE_BLANK || is_ignorable(c))
}

/// Whether a character combines with the one before it.
pub fn is_mark(character: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(category(character), EnclosingMark | NonspacingMark | SpacingMark)
}

/// Whether a character is invisible, such as a joiner or a direction mark.
pub fn is_format(character: char) -> bool {
    category(character) == GeneralCategory::Format
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

/// Accents, vowel points and invisible characters. Marks that are vowels or part of a letter stay: those of Thai, of the
/// scripts of India, and the voiced kana.
fn is_dropped(character: char) -> bool {
    if character.is_ascii() {
        return false;
    }
    let class = CodePointMapData::<CanonicalCombiningClass>::new().get(character).0;
    let is_variant = matches!(character, '\u{FE00}'..='\u{FE0F}');
    // Overlays and the nukta; the points of Hebrew, Arabic and Syriac; what is attached, below or above.
    matches!(class, 1 | 7 | 10..=36 | 200..=240)
        || is_variant
        || matches!(category(character), GeneralCategory::Format | GeneralCategory::EnclosingMark)
}

/// Appends a letter without what NFKD does not separate from it.
fn push_plain(folded: &mut String, character: char) {
    let plain = match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'ς' => "σ",
        // What keyboards write for ASCII punctuation.
        '‘' | '’' | 'ʼ' => "'",
        '“' | '”' => "\"",
        '‐' | '–' => "-",
        // Arabic: alef wasla, forms of yeh and kaf, teh marbuta, and the elongation.
        'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ک' => "ك",
        'ة' => "ه",
        'ـ' => "",
        _ => return folded.push(digit(character).unwrap_or(character)),
    };
    folded.push_str(plain);
}

/// The ASCII digit of that value.
fn digit(character: char) -> Option<char> {
    let value = |zero: &char| u32::from(character).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fold_ignores_case_accents_and_forms_in_every_script() {
        let same = [
            ("joao", "João"),
            ("istanbul", "İstanbul"),
            ("isparta", "ISPARTA"),
            ("isparta", "Isparta"),
            ("strasse", "STRASSE"),
            ("strasse", "Straße"),
            ("smorrebrod", "Smørrebrød"),
            ("lodz", "ŁÓDŹ"),
            ("nguyen", "Nguyễn"),
            ("οδοσ", "ΟΔΌΣ"),
            ("елка", "Ёлка"),
            ("wide", "ＷＩＤＥ"),
            ("احمد", "أَحْمَد"),
            ("2025", "٢٠٢٥"),
            ("ガス", "ｶﾞｽ"),
            ("한국", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}"),
            ("office", "oﬃce"),
            ("softhyphen", "soft\u{AD}hyphen"),
            ("o'brien", "O’Brien"),
            ("jean-luc", "Jean\u{2011}Luc"),
        ];
        for (folded, text) in same {
            assert_eq!(fold(text), folded, "{text}");
        }
        for (one, other) in [("か", "が"), ("कि", "की"), ("กา", "กิ"), ("a b", "ab")] {
            assert_ne!(fold(one), fold(other));
        }
    }

    #[test]
    fn text_without_visible_characters_is_blank() {
        for blank in
            ["", " \t", "\u{A0}", "\u{200B}\u{200E}", "\u{2060}\u{FEFF}", "\u{3164}", "\u{2800} \u{2800}"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(![".", "أ", "👍", "\u{200F}x"].into_iter().any(is_blank));
    }

    #[test]
    fn fold_of_every_folded_character_is_itself() {
        for character in '\0'..='\u{1FFFF}' {
            let folded = fold(&character.to_string());
            assert_eq!(fold(&folded), folded, "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn fold_of_a_folded_text_is_itself(text: String) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn fold_of_composed_and_decomposed_text_is_the_same(text: String) {
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
            prop_assert_eq!(fold(&decomposed), fold(&compose(&text)));
        }
    }
}
