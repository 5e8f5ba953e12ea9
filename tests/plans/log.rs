//! What PostgreSQL logs of each statement: how it came in, and the plan it ran with.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

/// Has PostgreSQL log everything that this file reads. The plans are those that were run, functions' own statements
/// included, with what they touched.
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

/// Has it log nothing of what a connection does. Filling a large database is many gigabytes of plans.
pub const SILENCE: &str = "SET log_min_duration_statement = -1; SET auto_explain.log_min_duration = -1";

/// One thing that PostgreSQL did.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Read and prepared a statement.
    Parse(String),
    /// Ran a prepared statement.
    Execute(String),
    /// Ran a statement that came as text, such as `BEGIN`.
    Text(String),
    /// The plan of a statement that ran: what `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)` says, with the statement itself.
    Plan(Value),
}

impl Entry {
    /// The plan, if it is one.
    pub fn plan(&self) -> Option<&Value> {
        if let Self::Plan(plan) = self { Some(plan) } else { None }
    }
}

/// The log, read once from beginning to end.
pub struct Log {
    path: PathBuf,
    at: u64,
}

impl Log {
    /// Everything from now on.
    pub fn from_now(path: PathBuf) -> Self {
        let at = path.metadata().expect("PostgreSQL's log").len();
        Self { path, at }
    }

    /// What was logged since the last time. A statement is logged before it is answered.
    pub fn next(&mut self) -> Vec<Entry> {
        let mut file = File::open(&self.path).expect("PostgreSQL's log");
        file.seek(SeekFrom::Start(self.at)).expect("a place in the log");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the log");
        self.at += bytes.len() as u64;
        // The lines of one entry follow its first with a tab before each.
        let text = String::from_utf8_lossy(&bytes).replace("\n\t", "\r");
        text.lines().filter_map(entry).collect()
    }
}

fn entry(line: &str) -> Option<Entry> {
    let (_, what) = line.strip_prefix("LOG:  duration: ")?.split_once(" ms  ")?;
    let what = what.replace('\r', "\n");
    if let Some(plan) = what.strip_prefix("plan:\n") {
        return Some(Entry::Plan(serde_json::from_str(plan).expect("a plan in JSON")));
    }
    let (kind, rest) = what.split_once(' ')?;
    // The statement's name comes before it.
    let sql = rest.split_once(": ").map_or(rest, |(_, sql)| sql).to_owned();
    match kind {
        "parse" => Some(Entry::Parse(sql)),
        "execute" => Some(Entry::Execute(sql)),
        "statement:" => Some(Entry::Text(rest.to_owned())),
        _ => None,
    }
}
