//! The demo data: `assets/demo.ndjson.gz`, which has the form of `switchboard import`.
//!
//! Its instants are written as `"now-86400000"`: milliseconds before or after the demo organization was created.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Serialize;

use crate::actions::ingest::IngestEvent;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::pb::ingest_event::Event;
use crate::pb::ingest_json;

/// The demo organization. Its id is fixed, as are those of its sessions, so that the next run finds them.
pub(super) const ORG: &str = "019b0000-0000-7000-8000-00000000de30";
pub(super) const NAME: &str = "Acme";
/// The sessions of the demo data.
pub(super) const SESSIONS: [DemoSession; 2] = [
    DemoSession { session_id: "01KAN0000000000000000DEM01", phone: "15550100400", label: "Support" },
    DemoSession { session_id: "01KAN0000000000000000DEM02", phone: "15550100401", label: "Sales" },
];
/// The person and the group in the printed instructions. Their chats belong to the first session.
pub(super) const PERSON: &str = "15550101000";
pub(super) const PERSON_ID: &str = "15550101000@c.us";
pub(super) const GROUP: &str = "120363400000000000@g.us";
const FILE: &[u8] = include_bytes!("../../../assets/demo.ndjson.gz");

/// A session of the demo data.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DemoSession {
    pub(super) session_id: &'static str,
    pub(super) phone: &'static str,
    pub(super) label: &'static str,
}

/// The events of the demo.
#[derive(Default)]
pub(super) struct Demo {
    /// Sessions, members and properties.
    pub(super) setup: Vec<IngestEvent>,
    /// Contacts, chats and messages.
    pub(super) content: Vec<IngestEvent>,
    /// The connection status of the sessions.
    pub(super) status: Vec<IngestEvent>,
}

impl Demo {
    /// Reads the events with instants relative to `base`.
    pub(super) fn read(base: Instant) -> Result<Self> {
        let mut text = String::new();
        GzDecoder::new(FILE).read_to_string(&mut text).map_err(Error::internal)?;
        let mut demo = Self::default();
        for line in text.lines() {
            let event = ingest_json::read(absolute(line, base.millis()).as_bytes())?;
            let events = match &event.event {
                Some(Event::Status(_)) => &mut demo.status,
                Some(content) if content.is_setup() => &mut demo.setup,
                _ => &mut demo.content,
            };
            events.push(event);
        }
        Ok(demo)
    }
}

/// The line with its instants in Unix milliseconds.
fn absolute(line: &str, base: i64) -> String {
    let mut absolute = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\"now") {
        let (offset, after) = after.split_once('"').unwrap_or((after, ""));
        absolute += before;
        absolute += &(base + offset.parse::<i64>().unwrap_or_default()).to_string();
        rest = after;
    }
    absolute + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_relative_to_the_base() {
        let line = r#"{"at":"now-1500","until":"now+20","text":"now"}"#;
        assert_eq!(absolute(line, 10_000), r#"{"at":8500,"until":10020,"text":10000}"#);
    }
}
