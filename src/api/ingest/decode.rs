//! Decodes events in two steps, so that an event that cannot be decoded is rejected by its sequence number.

use bytes::Bytes;
use prost::Message;

use crate::error::{Error, Kind, Result};
use crate::pb::IngestEvent;

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
    IngestEvent::decode(event.clone())
        .map_err(|_| Error::invalid("event", "must be an IngestEvent whose text is UTF-8"))
}
