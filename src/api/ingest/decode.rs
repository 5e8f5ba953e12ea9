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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::ingest_event::{self, Event};

    fn encoded(body: &str) -> Vec<u8> {
        let message = ingest_event::Message { body: Some(body.to_owned()), ..Default::default() };
        let event =
            IngestEvent { sequence: 7, event: Some(Event::Message(message)), ..IngestEvent::default() };
        event.encode_to_vec()
    }

    #[test]
    fn invalid_event_has_a_sequence_number() {
        let mut bytes = encoded("abc");
        let at = bytes.windows(3).position(|three| three == b"abc").unwrap();
        // Half of a surrogate pair.
        bytes[at..at + 3].copy_from_slice(b"\xed\xa0\x80");
        let bytes = Bytes::from(bytes);
        assert_eq!(sequence(&bytes).unwrap(), 7);
        assert_eq!(event(&bytes).unwrap_err().fields()[0].field, "event");
        let large = Bytes::from(encoded(&"x".repeat(2 * MAX_BYTES)));
        assert_eq!(sequence(&large).unwrap(), 7);
        assert_eq!(event(&large).unwrap_err().kind(), Kind::TooLarge);
    }

    #[test]
    fn bytes_that_are_no_message_have_no_sequence_number() {
        assert!(sequence(&Bytes::from_static(b"\xff\xff")).is_err());
        assert_eq!(sequence(&Bytes::new()).unwrap(), 0);
    }
}
