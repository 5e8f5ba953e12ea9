//! The ingest stream: acknowledgement after commit, flow control, resuming.

mod batches;
mod capabilities;
pub mod connector;
mod kills;
mod kinds;
mod limits;

use prost::Message;
use prost_types::Value as ProtoValue;
use serde_json::Value;
use switchboard::pb::ingest_event::{self, Event};
use switchboard::pb::ingest_request::{Open, Request};
use switchboard::pb::ingest_response::Acknowledgement;
use switchboard::pb::{IngestEvent, IngestRequest};
use tonic::Code;

use crate::support::World;
use connector::Connector;

const CHAT: &str = "15550109001@s.whatsapp.net";

/// A request with an event of the first session.
pub fn request(sequence: i64, event: Event) -> IngestRequest {
    let event = IngestEvent { sequence, session: "15550100400".to_owned(), event: Some(event) };
    IngestRequest { request: Some(Request::Event(event.encode_to_vec().into())) }
}

/// An incoming message.
pub fn message(id: &str) -> Event {
    message_with_body(id, "hello")
}

/// An incoming message with that body.
pub fn message_with_body(id: &str, body: &str) -> Event {
    Event::Message(ingest_event::Message {
        id: id.to_owned(),
        chat: CHAT.to_owned(),
        timestamp: Some(prost_types::Timestamp { seconds: 1_737_976_000, nanos: 0 }),
        body: Some(body.to_owned()),
        ..ingest_event::Message::default()
    })
}

/// A message with raw data of that many arrays in each other.
fn nested_message(depth: usize) -> Event {
    let raw_data = (0..depth).fold(ProtoValue::from("x"), |value, _| {
        let list = prost_types::ListValue { values: vec![value] };
        ProtoValue { kind: Some(prost_types::value::Kind::ListValue(list)) }
    });
    let Event::Message(message) = message("NESTED") else { unreachable!("a message") };
    Event::Message(ingest_event::Message { raw_data: Some(raw_data), ..message })
}

fn bodies(world: &World) -> Vec<Value> {
    world.sql().rows("SELECT message_id, body FROM messages ORDER BY message_id")
}

#[tokio::test]
async fn event_is_acknowledged_after_commit() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, acknowledged) = Connector::open(&world.url(), &key, "").await.expect("open");
    assert_eq!(acknowledged, 0);
    for sequence in [1, 5] {
        connector.apply(sequence, message(&format!("M{sequence}"))).await;
        let acknowledged = connector.acknowledged(sequence).await.expect("acknowledged");
        assert_eq!(acknowledged, [Acknowledgement { sequence, rejected: Vec::new() }]);
        assert_eq!(world.sql().count(&format!("messages WHERE message_id = 'M{sequence}'")), 1);
    }
    connector.apply(9, message("M9")).await;
    assert_eq!(connector.close().await.expect("a good end"), 9);
    assert_eq!(bodies(&world).len(), 3);
}

#[tokio::test]
async fn rejected_event_does_not_end_the_stream() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let rejected = [
        (message_with_body("X", "a\0b"), 3, "message.body"),
        (message_with_body("X", &"x".repeat(2 << 20)), 8, ""),
        (Event::Message(ingest_event::Message::default()), 3, "message.timestamp"),
        (
            Event::Chat(ingest_event::Chat { jid: CHAT.to_owned(), r#type: 9, ..Default::default() }),
            3,
            "chat.type",
        ),
        (
            Event::Chat(ingest_event::Chat {
                jid: CHAT.to_owned(),
                invite_link: Some("\0".to_owned()),
                ..Default::default()
            }),
            3,
            "chat.invite_link",
        ),
    ];
    for ((event, code, field), sequence) in rejected.into_iter().zip(1..) {
        connector.apply(sequence, event).await;
        let acknowledged = connector.acknowledged(sequence).await.expect("an open stream");
        let rejections: Vec<_> =
            acknowledged.into_iter().flat_map(|acknowledged| acknowledged.rejected).collect();
        assert_eq!(rejections.len(), 1, "{field}");
        assert_eq!(
            (rejections[0].sequence, rejections[0].code, rejections[0].field.as_str()),
            (sequence, code, field)
        );
        assert!(!rejections[0].message.is_empty());
    }
    connector.apply(10, message("M10")).await;
    connector.acknowledged(10).await.expect("an open stream");
    assert_eq!(bodies(&world).len(), 1);
}

#[tokio::test]
async fn undecodable_event_is_rejected_by_its_sequence_number() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let event = |sequence, body: &str| IngestEvent {
        sequence,
        session: "15550100400".to_owned(),
        event: Some(message_with_body("X", body)),
    };
    let mut lone_surrogate = event(1, "abc").encode_to_vec();
    let at = lone_surrogate.windows(3).position(|three| three == b"abc").expect("the text");
    lone_surrogate[at..at + 3].copy_from_slice(b"\xed\xa0\x80");
    let large = event(2, &"x".repeat(5 << 20)).encode_to_vec();
    let nested = IngestEvent { event: Some(nested_message(60)), ..event(3, "") }.encode_to_vec();
    for (bytes, sequence, code, field) in
        [(lone_surrogate, 1, 3, "message.body"), (large, 2, 8, ""), (nested, 3, 3, "message.raw_data")]
    {
        connector.send(Request::Event(bytes.into())).await;
        let rejected = connector.acknowledged(sequence).await.expect("an open stream").remove(0).rejected;
        assert_eq!((rejected[0].sequence, rejected[0].code), (sequence, code), "{}", rejected[0].message);
        assert_eq!(rejected[0].field, field, "{}", rejected[0].message);
    }
    connector.apply(4, message("M4")).await;
    connector.acknowledged(4).await.expect("an open stream");
    // A larger message is not read, so its sequence number is unknown.
    connector.send(Request::Event(vec![0; 17 << 20].into())).await;
    let end = connector.answer().await.expect_err("too much");
    assert_eq!(end.code(), Code::ResourceExhausted);
    assert!(end.message().contains("after event 4"), "{}", end.message());
}

#[tokio::test]
async fn sender_resumes_after_the_last_acknowledged_event() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let open =
        async |key: &str, sender: &str| Connector::open(&world.url(), key, sender).await.expect("open");
    let (mut connector, acknowledged) = open(&key, "bridge-1").await;
    assert_eq!(acknowledged, 0);
    for sequence in 1..=30 {
        connector.apply(sequence, message(&format!("M{sequence}"))).await;
    }
    connector.acknowledged(30).await.expect("acknowledged");
    // A rejected event is acknowledged too.
    connector.apply(31, message("")).await;
    connector.acknowledged(31).await.expect("acknowledged");
    drop(connector);
    assert_eq!(open(&key, "bridge-1").await.1, 31);
    assert_eq!(open(&key, "bridge-2").await.1, 0);
    let other = world.key("ingest,read").await;
    assert_eq!(open(&other, "bridge-1").await.1, 0);
    // An event that is sent again is stored once.
    let (mut connector, _) = open(&key, "bridge-1").await;
    connector.apply(12, message("M12")).await;
    connector.acknowledged(12).await.expect("acknowledged");
    assert_eq!(open(&key, "bridge-1").await.1, 31);
    assert_eq!(bodies(&world).len(), 30);
}

#[tokio::test]
async fn newest_stream_takes_over_the_sender_name() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let open = async || Connector::open(&world.url(), &key, "bridge").await.expect("open");
    let (mut stream, _) = open().await;
    stream.apply(1, message("M1")).await;
    stream.acknowledged(1).await.expect("acknowledged");
    // A rejected event is not acknowledged on the old stream either.
    for lost in [message("M2"), message("")] {
        let (newer, acknowledged) = open().await;
        assert_eq!(acknowledged, 1);
        stream.apply(2, lost).await;
        let end = stream.acknowledged(2).await.expect_err("the name is taken over");
        assert_eq!(end.code(), Code::Aborted, "{end}");
        stream = newer;
    }
    assert_eq!(bodies(&world).len(), 1, "the old stream stored an event");
    stream.apply(2, message("M2")).await;
    stream.acknowledged(2).await.expect("acknowledged");
    assert_eq!(bodies(&world).len(), 2);
}

#[tokio::test]
async fn stream_ends_when_acknowledged_events_were_lost() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let open = async || Connector::open(&world.url(), &key, "bridge").await.expect("open");
    let (mut stream, _) = open().await;
    for sequence in 1..=2 {
        stream.apply(sequence, message(&format!("M{sequence}"))).await;
        stream.acknowledged(sequence).await.expect("acknowledged");
    }
    // As after a failover to a standby that lagged behind.
    world
        .admin()
        .run("DELETE FROM messages WHERE message_id = 'M2'; UPDATE ingest_senders SET acknowledged = 1");
    stream.apply(3, message("M3")).await;
    let end = stream.acknowledged(3).await.expect_err("an event was lost");
    assert_eq!(end.code(), Code::Unavailable, "{end}");
    let (_, acknowledged) = open().await;
    assert_eq!(acknowledged, 1);
    assert_eq!(bodies(&world).len(), 1, "nothing is stored before the lost event is");
}

#[tokio::test]
async fn breach_of_the_stream_rules_ends_the_stream() {
    let world = World::shared().await;
    let key = world.key("ingest").await;
    let first = async |request: Request| {
        let mut connector = Connector::connect(&world.url(), &key).await.expect("a stream");
        connector.send(request).await;
        connector.answer().await.expect_err("rejected").code()
    };
    let event = IngestEvent { sequence: 1, ..IngestEvent::default() };
    assert_eq!(first(Request::Event(event.encode_to_vec().into())).await, Code::InvalidArgument);
    assert_eq!(first(Request::Open(Open { sender: "\0".to_owned() })).await, Code::InvalidArgument);
    // No event at all, and one without a sequence number.
    for bytes in [&b"\xff\xff"[..], b""] {
        let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
        connector.send(Request::Event(bytes.to_vec().into())).await;
        assert_eq!(connector.answer().await.expect_err("rejected").code(), Code::InvalidArgument);
    }
    for numbers in [[1, 1], [2, 1]] {
        let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
        for number in numbers {
            connector.apply(number, message("")).await;
        }
        // The event before is acknowledged.
        connector.acknowledged(numbers[0]).await.expect("acknowledged");
        assert_eq!(connector.answer().await.expect_err("rejected").code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn limited_key_cannot_ingest_for_other_sessions() {
    let world = World::start().await;
    let [_, mine] = &world.org.sessions;
    let args =
        ["key", "create", "--org", &world.org.id, "--name", "one", "--can", "ingest", "--session", mine];
    let key = world.cli(&args);
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    connector.apply(1, message("A")).await;
    let rejected = connector.acknowledged(1).await.expect("acknowledged").remove(0).rejected;
    assert_eq!((rejected[0].code, rejected[0].field.as_str()), (Code::NotFound as i32, "session"));
    let event = IngestEvent { sequence: 2, session: mine.clone(), event: Some(message("B")) };
    connector.send(Request::Event(event.encode_to_vec().into())).await;
    assert_eq!(connector.acknowledged(2).await.expect("acknowledged")[0].rejected, []);
    assert_eq!(bodies(&world).len(), 1);
}
