//! Full-text search: the words of a text, and queries for them.
//!
//! A word is kept as it is written, folded; a query finds its prefixes and its English inflections. A script without blanks
//! between words has no words that every reader and every dictionary agree on: of its letters each pair of neighbours is
//! kept, which finds every part of a text.

mod english;
mod headline;
mod query;
mod tokens;

pub use self::headline::{Piece, headline};
pub use self::query::{Clause, Lexeme, Query, Step};
pub use self::tokens::{IndexTerm, index_terms};

/// The text of a message that search looks through: its body, and the name of its file unless the body has it.
pub fn searched_text(body: Option<&str>, file_name: Option<&str>) -> String {
    let body = body.unwrap_or_default();
    match file_name {
        Some(name) if !body.contains(name) => format!("{body}\n{name}").trim_start().to_owned(),
        _ => body.to_owned(),
    }
}
