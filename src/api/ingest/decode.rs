//! Decodes events in two steps, so that an event that cannot be decoded is rejected by its sequence number.

use bytes::Bytes;
use prost::Message;

use crate::error::{Error, Kind, Result};
use crate::pb::IngestEvent;
use crate::pb::ingest_json::camel_case;

const MAX_BYTES: usize = 1024 * 1024;

/// The first step. Other fields are skipped, whether they can be decoded or not.
#[derive(Clone, PartialEq, Message)]
struct Numbered {
    #[prost(int64, tag = "1")]
    sequence: i64,
}

/// The event's sequence number; 0 when it has none.
pub(super) fn sequence(event: &Bytes) -> Result<i64> {
    let numbered = Numbered::decode(event.clone());
    numbered.map(|event| event.sequence).map_err(|_| Error::invalid("event", "must be an IngestEvent"))
}

/// The whole event.
pub(super) fn event(event: &Bytes) -> Result<IngestEvent> {
    if event.len() > MAX_BYTES {
        return Err(Error::new(Kind::TooLarge, "the event must be at most 1 MiB"));
    }
    IngestEvent::decode(event.clone()).map_err(|error| undecodable(&error.to_string()))
}

/// Names the field of an error of prost. Its text has the path from the innermost message:
/// `Message.body: IngestEvent.event: invalid string value`.
fn undecodable(error: &str) -> Error {
    let names: Vec<_> = error.split(": ").filter_map(|part| part.split_once('.')).collect();
    let event = names.iter().position(|(message, _)| *message == "IngestEvent");
    let field = event.and_then(|event| names.get(event.checked_sub(1)?)).map(|(message, field)| {
        let kind = if *message == "OrganizationMember" { "member" } else { *message };
        let (initial, rest) = kind.split_at(1);
        format!("{}{rest}.{}", initial.to_ascii_lowercase(), camel_case(field.trim_start_matches("r#")))
    });
    let problem = match error.contains("recursion limit") {
        true => "must be nested at most 24 levels deep",
        false => "must be as in IngestEvent, with text in UTF-8",
    };
    Error::invalid(field.unwrap_or_else(|| "event".to_owned()), problem)
}
