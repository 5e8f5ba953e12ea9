//! What was measured beside what is promised.

use std::fmt::Write;
use std::time::Duration;

use super::IS_FULL;

/// How many times what is promised the short form lets pass: a debug build, and a machine that runs other tests.
const SHORT: f64 = 20.0;

/// How many lines of a log are shown.
const LINES: usize = 50;

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
    /// Of that promise; nothing is measured yet.
    pub fn of(promise: &'static str) -> Self {
        Self { promise, rows: Vec::new() }
    }

    /// A time that must not be longer. The short form only tells it: machines that run tests are busy.
    pub fn within(&mut self, what: &str, measured: Duration, promised: Duration) {
        let [measured, promised] = [measured, promised].map(|time| time.as_secs_f64() * 1e3);
        let is_held = measured <= promised || !*IS_FULL;
        self.add(&format!("{what}, ms"), measured, format!("at most {}", figure(promised)), is_held);
    }

    /// A figure that must not be higher.
    pub fn at_most(&mut self, what: &str, measured: f64, promised: f64) {
        let is_held = measured <= promised * if *IS_FULL { 1.0 } else { SHORT };
        self.add(what, measured, format!("at most {}", figure(promised)), is_held);
    }

    /// A rate that must not be lower. The short form only tells it, too.
    pub fn at_least(&mut self, what: &str, measured: f64, promised: f64) {
        let is_held = measured >= promised || !*IS_FULL;
        self.add(what, measured, format!("at least {}", figure(promised)), is_held);
    }

    /// What must not happen at all, in no form.
    pub fn none(&mut self, what: &str, measured: usize) {
        self.add(what, measured as f64, "none".to_owned(), measured == 0);
    }

    /// A figure that nothing is promised of, but others are to be seen beside.
    pub fn tell(&mut self, what: &str, measured: f64) {
        self.add(what, measured, String::new(), true);
    }

    /// Prints them. Panics when the promise does not hold, with the end of what more there is to say.
    pub fn hold(self, more: impl FnOnce() -> String) {
        let mut table = format!("\n| {} | measured | promised | |\n|---|--:|--:|---|\n", self.promise);
        for Row { what, measured, promised, is_held } in &self.rows {
            let held = if *is_held { "" } else { "**missed**" };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| {what} | {measured} | {promised} | {held} |");
        }
        print!("{table}");
        if self.rows.iter().any(|row| !row.is_held) {
            let more = more();
            let lines = more.lines().rev().take(LINES).collect::<Vec<_>>();
            panic!(
                "{} does not hold\n{}",
                self.promise,
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }

    fn add(&mut self, what: &str, measured: f64, promised: String, is_held: bool) {
        self.rows.push(Row { what: what.to_owned(), measured: figure(measured), promised, is_held });
    }
}

/// With three digits, or all of a whole number.
fn figure(value: f64) -> String {
    match value {
        whole if whole.fract() == 0.0 || whole >= 100.0 => format!("{whole:.0}"),
        small if small >= 10.0 => format!("{small:.1}"),
        smaller => format!("{smaller:.2}"),
    }
}
