//! An event from its bytes. Whatever is wrong with it, it has a number by which it is refused.

use bytes::Bytes;
use prost::Message;

use super::convert;
use crate::actions::ingest::IngestEvent;
use crate::error::{Error, Kind, Result};
use crate::pb;

const MAX_BYTES: usize = 1024 * 1024;

/// What is read of an event first. All else is stepped over, whether it can be read or not.
#[derive(Clone, PartialEq, Message)]
struct Numbered {
    #[prost(int64, tag = "1")]
    sequence: i64,
}

/// The event's number; 0 when it has none.
pub(super) fn sequence(event: &Bytes) -> Result<i64> {
    let numbered = Numbered::decode(event.clone());
    numbered.map(|event| event.sequence).map_err(|_| Error::invalid("event", "must be an IngestEvent"))
}

/// The event as the rules know it. An error names the field where it can.
pub(super) fn event(event: &Bytes) -> Result<IngestEvent> {
    if event.len() > MAX_BYTES {
        return Err(Error::new(Kind::TooLarge, "the event must be at most 1 MiB"));
    }
    let event = pb::IngestEvent::decode(event.clone())
        .map_err(|_| Error::invalid("event", "must be an IngestEvent whose text is UTF-8"))?;
    convert::event(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::ingest_event::{Event, Message as WireMessage};

    fn encoded(body: &str) -> Vec<u8> {
        let message = WireMessage { body: Some(body.to_owned()), ..WireMessage::default() };
        let event =
            pb::IngestEvent { sequence: 7, event: Some(Event::Message(message)), ..Default::default() };
        event.encode_to_vec()
    }

    #[test]
    fn what_cannot_be_read_has_a_number_all_the_same() {
        let mut bytes = encoded("abc");
        let at = bytes.windows(3).position(|three| three == b"abc").unwrap();
        // Half a surrogate pair.
        bytes[at..at + 3].copy_from_slice(b"\xed\xa0\x80");
        let bytes = Bytes::from(bytes);
        assert_eq!(sequence(&bytes).unwrap(), 7);
        assert_eq!(event(&bytes).unwrap_err().fields()[0].field, "event");
        let large = Bytes::from(encoded(&"x".repeat(2 * MAX_BYTES)));
        assert_eq!(sequence(&large).unwrap(), 7);
        assert_eq!(event(&large).unwrap_err().kind(), Kind::TooLarge);
    }

    #[test]
    fn what_is_no_message_has_none() {
        assert!(sequence(&Bytes::from_static(b"\xff\xff")).is_err());
        assert_eq!(sequence(&Bytes::new()).unwrap(), 0);
    }
}
