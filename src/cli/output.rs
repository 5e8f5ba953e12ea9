//! Command output on standard output: tab-separated lines, or JSON.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use crate::instant::Instant;

/// A row of a list.
pub(super) struct Row {
    /// The columns of its line; an absent value is an empty text.
    pub(super) columns: Vec<String>,
    pub(super) json: Value,
}

/// Prints one value on a line.
pub(super) fn value(value: impl std::fmt::Display) -> Result<(), Failure> {
    text(&format!("{value}\n"))
}

/// Prints a line per row with tabs between the columns, or a JSON array.
pub(super) fn list(rows: impl Iterator<Item = Row>, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&rows.map(|row| row.json).collect::<Vec<_>>());
    }
    text(&rows.map(|row| row.columns.join("\t") + "\n").collect::<String>())
}

/// Prints indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    text(&(json + "\n"))
}

/// Prints a text. A reader that closes early, such as `head`, is not a failure.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A number and a noun in singular or plural: `1 event`, `2 events`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// An instant in RFC 3339.
pub(super) fn timestamp(instant: Instant) -> String {
    jiff::Timestamp::from_microsecond(instant.micros()).map(|at| at.to_string()).unwrap_or_default()
}
