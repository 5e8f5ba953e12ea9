//! Splits a text into words and letters.

use std::ops::{Range, RangeInclusive};

use icu_properties::CodePointMapData;
use icu_properties::props::LineBreak;

use super::english::is_stop_word;
use crate::folding::{fold, is_format, is_mark};

/// The longest word that is kept, in characters; of longer ones the beginning.
const MAX_WORD: usize = 40;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The folded text.
    pub(super) text: String,
    /// Its place in the text, in bytes.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word between blanks or punctuation.
    Word,
    /// A word that search ignores.
    StopWord,
    /// A letter of a script without blanks between words.
    Letter {
        /// Whether it follows another one directly.
        is_joined: bool,
    },
}

impl Token {
    /// Whether it is a letter that follows another one directly.
    pub(super) fn is_joined(&self) -> bool {
        self.kind == Kind::Letter { is_joined: true }
    }
}

/// A word, a pair of letters or a phone number of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTerm {
    /// The folded text.
    pub text: String,
    /// Index of the token.
    pub(super) token: usize,
    /// Number of tokens: 2 for a pair of letters, those of a phone number.
    pub(super) tokens: usize,
}

impl IndexTerm {
    /// Its place among the words of the text, from 1.
    pub fn position(&self) -> usize {
        self.token + 1
    }
}

/// What the index has of a text, in NFC: its words and pairs of letters in order, then its phone numbers.
pub fn index_terms(text: &str) -> Vec<IndexTerm> {
    let tokens = tokens(text);
    let numbers = phone_numbers(text, &tokens);
    [terms_of(&tokens), numbers].concat()
}

/// How many digits a phone number has.
const PHONE_DIGITS: RangeInclusive<usize> = 7..=15;

/// The digits of each phone number that is written in several parts, such as `+55 (11) 99999-0001`.
pub(super) fn phone_numbers(text: &str, tokens: &[Token]) -> Vec<IndexTerm> {
    let is_number = |token: &Token| token.text.bytes().all(|byte| byte.is_ascii_digit());
    let is_within = |c: char| {
        matches!(c, '+' | '-' | '(' | ')' | '.' | '/' | ' ' | '\u{A0}' | '\u{202F}' | '\u{2010}'..='\u{2013}')
    };
    let is_next = |one: &Token, next: &Token| {
        is_number(one) && is_number(next) && text[one.range.end..next.range.start].chars().all(is_within)
    };
    let mut numbers = Vec::new();
    let mut token = 0;
    for parts in tokens.chunk_by(is_next) {
        let digits: String = parts.iter().map(|part| part.text.as_str()).collect();
        if parts.len() > 1 && PHONE_DIGITS.contains(&digits.len()) {
            numbers.push(IndexTerm { text: digits, token, tokens: parts.len() });
        }
        token += parts.len();
    }
    numbers
}

pub(super) fn terms_of(tokens: &[Token]) -> Vec<IndexTerm> {
    let mut terms = Vec::with_capacity(tokens.len());
    for (token, Token { text, kind, .. }) in tokens.iter().enumerate() {
        let is_letter = matches!(kind, Kind::Letter { .. });
        let next = tokens.get(token + 1).filter(|next| is_letter && next.is_joined());
        let (text, tokens) = match next {
            Some(next) => (format!("{text}{}", next.text), 2),
            None => (text.clone(), 1),
        };
        if *kind != Kind::StopWord {
            terms.push(IndexTerm { text, token, tokens });
        }
    }
    terms
}

/// What a character is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Word,
    /// A letter of a script without blanks between words.
    Letter,
    /// Belongs to the character before it.
    Mark,
    /// Ends a word.
    Separator,
}

/// The words and letters of a text in NFC.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut open: Option<(usize, Class)> = None;
    let mut is_joined = false;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        let class = class(character);
        let continues = class == Class::Mark || class == Class::Word && open.is_some_and(|(_, c)| c == class);
        if open.is_some() && continues {
            continue;
        }
        if let Some((start, class)) = open.take() {
            tokens.extend(token(text, start..at, class, is_joined));
            is_joined = class == Class::Letter;
        }
        is_joined &= class == Class::Letter;
        open = matches!(class, Class::Word | Class::Letter).then_some((at, class));
    }
    tokens
}

fn token(text: &str, range: Range<usize>, class: Class, is_joined: bool) -> Option<Token> {
    let raw = &text[range.clone()];
    let folded = fold(raw);
    let folded = folded.chars().filter(|c| c.is_alphanumeric() || is_mark(*c));
    let kind = if class == Class::Letter {
        Kind::Letter { is_joined }
    } else if is_stop_word(raw) {
        Kind::StopWord
    } else {
        Kind::Word
    };
    let text: String = folded.take(MAX_WORD).collect();
    (!text.is_empty()).then_some(Token { text, range, kind })
}

fn class(character: char) -> Class {
    if character.is_ascii() {
        return if character.is_ascii_alphanumeric() { Class::Word } else { Class::Separator };
    }
    match character {
        // Wide forms of Latin letters and digits, and narrow ones of the voiced marks of kana.
        '\u{FF10}'..='\u{FF19}' | '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}' => return Class::Word,
        '\u{FF9E}' | '\u{FF9F}' => return Class::Mark,
        _ if is_mark(character) || is_format(character) => return Class::Mark,
        _ => {}
    }
    if !character.is_alphanumeric() {
        return Class::Separator;
    }
    // Where a line may be broken at each letter, or at those that a dictionary has, there are no blanks between words.
    match CodePointMapData::<LineBreak>::new().get(character) {
        LineBreak::Ideographic
        | LineBreak::ConditionalJapaneseStarter
        | LineBreak::Nonstarter
        | LineBreak::H2
        | LineBreak::H3
        | LineBreak::ComplexContext => Class::Letter,
        _ => Class::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        index_terms(text).into_iter().map(|term| term.text).collect()
    }

    #[test]
    fn words_end_at_blanks_and_punctuation() {
        assert_eq!(texts("See invoice_2025.pdf"), ["see", "invoice", "2025", "pdf"]);
        assert_eq!(texts("mary.o'brien@acme.example"), ["mary", "o", "brien", "acme", "example"]);
        assert_eq!(texts("+55 (11) 99999-0001"), ["55", "11", "99999", "0001", "5511999990001"]);
        assert_eq!(texts("at 12:30 on 5 May 2025"), ["12", "30", "5", "may", "2025"]);
        assert_eq!(texts("👍🏽 ok 1️⃣ हिन्दी"), ["ok", "1", "हिन्दी"]);
        assert_eq!(texts(&"é".repeat(3000)), ["e".repeat(MAX_WORD)]);
    }

    #[test]
    fn letters_without_blanks_are_kept_in_pairs() {
        assert_eq!(texts("在上海。东"), ["在上", "上海", "海", "东"]);
        assert_eq!(texts("iPhone手机"), ["iphone", "手机", "机"]);
        assert_eq!(texts("東京タワー"), ["東京", "京タ", "タワ", "ワー", "ー"]);
        assert_eq!(texts("서울에서"), ["서울", "울에", "에서", "서"]);
        assert_eq!(texts("ครับ"), ["ครั", "รับ", "บ"]);
    }

    #[test]
    fn stop_words_take_a_place_but_are_not_kept() {
        let terms = index_terms("Delivered by the quokka");
        let places: Vec<_> = terms.iter().map(|term| (term.text.as_str(), term.position())).collect();
        assert_eq!(places, [("delivered", 1), ("quokka", 4)]);
    }
}
