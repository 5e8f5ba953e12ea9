//! PostgreSQL's log of statements and their plans.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Settings that log every statement with its plan and the blocks it touched, statements in functions included.
pub const SETTINGS: [&str; 9] = [
    "log_line_prefix=",
    "log_min_duration_statement=0",
    "shared_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
    "auto_explain.log_timing=off",
    "auto_explain.log_nested_statements=on",
    "auto_explain.log_format=json",
];

/// Disables logging for a connection: filling a large database would log many gigabytes of plans.
pub const NO_LOGGING: &str = "SET log_min_duration_statement = -1; SET auto_explain.log_min_duration = -1";

/// One log entry.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A statement was prepared.
    Parse(String),
    /// A prepared statement was executed.
    Execute(String),
    /// A statement of the simple protocol was executed, such as `BEGIN`.
    Text(String),
    /// The executed plan as of `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)`, with the statement.
    Plan(Value),
}

impl Entry {
    /// The plan, if the entry is one.
    pub fn plan(&self) -> Option<&Value> {
        if let Self::Plan(plan) = self { Some(plan) } else { None }
    }
}

/// A reader of the log.
pub struct Log {
    path: PathBuf,
    at: u64,
}

impl Log {
    /// Starts at the present end of the log.
    pub fn from_now(path: PathBuf) -> Self {
        let at = path.metadata().expect("PostgreSQL's log").len();
        Self { path, at }
    }

    /// Entries since the last call. PostgreSQL logs a statement before it returns its result.
    pub fn next(&mut self) -> Vec<Entry> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let mut file = File::open(&self.path).expect("PostgreSQL's log");
            file.seek(SeekFrom::Start(self.at)).expect("a place in the log");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("the log");
            // Continuation lines of an entry begin with a tab.
            let text = String::from_utf8_lossy(&bytes).replace("\n\t", "\r");
            let entries: serde_json::Result<Vec<Option<Entry>>> =
                text.lines().map(|line| entry(line).transpose()).collect();
            match entries {
                Ok(entries) => {
                    self.at += bytes.len() as u64;
                    return entries.into_iter().flatten().collect();
                }
                // That of a background task is being written.
                Err(error) => assert!(Instant::now() < deadline, "no plan in JSON: {error}"),
            }
            thread::yield_now();
        }
    }
}

/// The entry of a line, if it is one of those above. An error when its plan is not complete.
fn entry(line: &str) -> Option<serde_json::Result<Entry>> {
    let (_, what) = line.strip_prefix("LOG:  duration: ")?.split_once(" ms  ")?;
    let what = what.replace('\r', "\n");
    if let Some(plan) = what.strip_prefix("plan:\n") {
        return Some(serde_json::from_str(plan).map(Entry::Plan));
    }
    let (kind, rest) = what.split_once(' ')?;
    // The prepared statement's name precedes the text.
    let sql = rest.split_once(": ").map_or(rest, |(_, sql)| sql).to_owned();
    match kind {
        "parse" => Some(Ok(Entry::Parse(sql))),
        "execute" => Some(Ok(Entry::Execute(sql))),
        "statement:" => Some(Ok(Entry::Text(rest.to_owned()))),
        _ => None,
    }
}
