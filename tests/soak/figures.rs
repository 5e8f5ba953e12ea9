//! Measured figures next to the promised ones.

use std::fmt::Write;
use std::time::Duration;

use super::IS_FULL;

/// Factor by which the short form may exceed a promise: a debug build, beside other tests.
const SHORT_FORM_FACTOR: f64 = 20.0;

/// Number of log lines shown on failure.
const LOG_LINES: usize = 50;

/// The figures of one promise.
pub struct Figures {
    promise: &'static str,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    measured: String,
    promised: String,
    is_held: bool,
}

impl Figures {
    /// Creates an empty table for a promise.
    pub fn of(promise: &'static str) -> Self {
        Self { promise, rows: Vec::new() }
    }

    /// Adds a time with its maximum. The short form does not check it: machines that run tests are busy.
    pub fn within(&mut self, what: &str, measured: Duration, promised: Duration) {
        let [measured, promised] = [measured, promised].map(|time| time.as_secs_f64() * 1e3);
        let is_held = measured <= promised || !*IS_FULL;
        self.add(&format!("{what}, ms"), measured, format!("at most {}", figure(promised)), is_held);
    }

    /// Adds a figure with its maximum.
    pub fn at_most(&mut self, what: &str, measured: f64, promised: f64) {
        let is_held = measured <= promised * if *IS_FULL { 1.0 } else { SHORT_FORM_FACTOR };
        self.add(what, measured, format!("at most {}", figure(promised)), is_held);
    }

    /// Adds a figure with its maximum, which both forms check.
    pub fn always_at_most(&mut self, what: &str, measured: f64, promised: f64) {
        self.add(what, measured, format!("at most {}", figure(promised)), measured <= promised);
    }

    /// Adds a rate with its minimum. The short form does not check it.
    pub fn at_least(&mut self, what: &str, measured: f64, promised: f64) {
        let is_held = measured >= promised || !*IS_FULL;
        self.add(what, measured, format!("at least {}", figure(promised)), is_held);
    }

    /// Adds a number that must be 0, in both forms.
    pub fn none(&mut self, what: &str, measured: usize) {
        self.add(what, measured as f64, "none".to_owned(), measured == 0);
    }

    /// Adds a figure without a promise.
    pub fn report(&mut self, what: &str, measured: f64) {
        self.add(what, measured, String::new(), true);
    }

    /// Prints the table. Panics if a promise is broken, with the last lines of `details`.
    pub fn check(self, details: impl FnOnce() -> String) {
        let mut table = format!("\n| {} | measured | promised | |\n|---|--:|--:|---|\n", self.promise);
        for Row { what, measured, promised, is_held } in &self.rows {
            let held = if *is_held { "" } else { "**missed**" };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| {what} | {measured} | {promised} | {held} |");
        }
        print!("{table}");
        if self.rows.iter().any(|row| !row.is_held) {
            let details = details();
            let lines = details.lines().rev().take(LOG_LINES).collect::<Vec<_>>();
            panic!(
                "promise broken: {}\n{}",
                self.promise,
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }

    fn add(&mut self, what: &str, measured: f64, promised: String, is_held: bool) {
        self.rows.push(Row { what: what.to_owned(), measured: figure(measured), promised, is_held });
    }
}

/// Formats three significant digits, or all of an integer.
fn figure(value: f64) -> String {
    match value {
        whole if whole.fract() == 0.0 || whole >= 100.0 => format!("{whole:.0}"),
        small if small >= 10.0 => format!("{small:.1}"),
        smaller => format!("{smaller:.2}"),
    }
}
