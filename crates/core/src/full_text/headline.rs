//! The part of a text around the matches of a query.

use super::query::Query;
use super::tokens::{IndexTerm, Token, phone_numbers, terms_of, tokens};
use crate::folding::compose;

/// Maximum number of words in a headline.
const MAX_WORDS: usize = 35;
/// Number of words before the first match.
const CONTEXT: usize = 5;

/// A part of a headline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text, as it was written.
    pub text: String,
    /// Whether it matches the query.
    pub is_match: bool,
}

/// The text, or the 35 words of it that have the most matches.
pub fn headline(text: &str, query: &Query) -> Vec<Piece> {
    let text = compose(text);
    let tokens = tokens(&text);
    let terms = [terms_of(&tokens), phone_numbers(&text, &tokens)].concat();
    let matches = matches(&tokens, &terms, query);
    let (first, end) = window(&matches);
    let start = if first == 0 { 0 } else { tokens[first].range.start };
    let stop = if end == tokens.len() { text.len() } else { tokens[end - 1].range.end };
    let mut pieces = Pieces { text: &text, at: start, pieces: Vec::new() };
    for token in (first..end).filter(|token| matches[*token]) {
        let range = &tokens[token].range;
        pieces.add(range.start, false);
        pieces.add(range.end, true);
    }
    pieces.add(stop, false);
    pieces.pieces
}

/// Which words match.
fn matches(tokens: &[Token], terms: &[IndexTerm], query: &Query) -> Vec<bool> {
    let mut matches = vec![false; tokens.len()];
    for term in terms {
        for lexeme in query.wanted().filter(|lexeme| lexeme.matches(term)) {
            // One letter is the beginning of a pair.
            let is_one = lexeme.text.len() <= tokens[term.token].text.len();
            let number = if is_one { 1 } else { term.tokens };
            matches[term.token..term.token + number].fill(true);
        }
    }
    matches
}

/// The first and the end of the words to show.
fn window(matches: &[bool]) -> (usize, usize) {
    let last_start = matches.len().saturating_sub(MAX_WORDS);
    let starts = (0..matches.len()).filter(|index| matches[*index]);
    let starts = starts.map(|first| first.saturating_sub(CONTEXT).min(last_start));
    let number =
        |start: &usize| matches[*start..].iter().take(MAX_WORDS).filter(|is_match| **is_match).count();
    // Of several best ones the first.
    let start = starts.rev().max_by_key(number).unwrap_or(0);
    (start, matches.len().min(start + MAX_WORDS))
}

struct Pieces<'t> {
    text: &'t str,
    at: usize,
    pieces: Vec<Piece>,
}

impl Pieces<'_> {
    /// Adds the text up to this place.
    fn add(&mut self, end: usize, is_match: bool) {
        let text = &self.text[self.at..end];
        self.at = end;
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.is_match == is_match => last.text.push_str(text),
            _ => self.pieces.push(Piece { text: text.to_owned(), is_match }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(text: &str, query: &str) -> String {
        let query = Query::parse(query).unwrap_or_default();
        let mark = |piece: Piece| if piece.is_match { format!("[{}]", piece.text) } else { piece.text };
        headline(text, &query).into_iter().map(mark).collect()
    }

    #[test]
    fn matches_are_marked_as_they_are_written() {
        assert_eq!(marked("Where do João's parcels go?", "joao parcel"), "Where do [João]'s [parcels] go?");
        assert_eq!(marked("我家在上海东边。", "上海"), "我家在[上海]东边。");
        assert_eq!(marked("我家在上海东边。", "上"), "我家在[上]海东边。");
        assert_eq!(marked("see invoice_2025.pdf", "inv -see"), "see [invoice]_2025.pdf");
        assert_eq!(marked("Call +1 (555) 010-1234 now", "15550101234"), "Call +[1] ([555]) [010]-[1234] now");
        assert_eq!(marked("", "x"), "");
    }

    #[test]
    fn long_text_is_shown_around_most_matches() {
        let text = format!("quokka {}quokka emu {}", "word ".repeat(60), "word ".repeat(60));
        let shown = marked(&text, "quokka or emu");
        assert_eq!(shown, format!("{}[quokka] [emu] {}", "word ".repeat(5), "word ".repeat(28)).trim_end());
        assert!(marked(&text, "nothing").starts_with("quokka word"));
    }

    proptest! {
        #[test]
        fn short_text_is_shown_wholly(text in "[a-z\u{4E00}-\u{4E10} .é]{0,30}", query: String) {
            let query = Query::parse(&query).unwrap_or_default();
            let shown: String = headline(&text, &query).into_iter().map(|piece| piece.text).collect();
            prop_assert_eq!(shown, text);
        }
    }
}
