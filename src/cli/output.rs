//! Answers on standard output: plain lines for people and `cut`, JSON for `jq`.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::Failure;
use crate::instant::Instant;

/// What a list shows of one thing.
pub(super) trait Row: Serialize {
    /// The columns of its line. What is absent is an empty text.
    fn columns(&self) -> Vec<String>;
}

/// One value on a line of its own.
pub(super) fn value(value: impl std::fmt::Display) -> Result<(), Failure> {
    text(&format!("{value}\n"))
}

/// One thing: its id, or all of it as JSON.
pub(super) fn created(
    id: impl std::fmt::Display,
    whole: &impl Serialize,
    as_json: bool,
) -> Result<(), Failure> {
    if as_json { json(whole) } else { value(id) }
}

/// Any number of things: a line each with tabs between the columns, or a JSON array.
pub(super) fn list(rows: &[impl Row], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&rows);
    }
    let lines: String = rows.iter().map(|row| row.columns().join("\t") + "\n").collect();
    text(&lines)
}

/// Pretty-printed JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    text(&(json + "\n"))
}

/// A text as it is. A reader that has seen enough, such as `head`, is no failure.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// So many of something that several of which are called the same with an `s`: `1 event`, `2 events`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A moment for people: RFC 3339.
pub(super) fn moment(instant: Instant) -> String {
    jiff::Timestamp::from_microsecond(instant.micros()).map(|at| at.to_string()).unwrap_or_default()
}
