//! What connectors tell over gRPC: acknowledged once it is stored, held back while the database is busy, resumed where it
//! was.

mod batches;
mod capabilities;
pub mod connector;
mod kills;
mod limits;

use prost::Message;
use serde_json::Value;
use switchboard::pb::ingest_event::{self, Event};
use switchboard::pb::ingest_request::{Open, Request};
use switchboard::pb::ingest_response::Acknowledgement;
use switchboard::pb::{IngestEvent, IngestRequest};
use tonic::Code;

use crate::support::World;
use connector::Connector;

const CHAT: &str = "15550109001@s.whatsapp.net";

/// An event of the first number.
pub fn request(sequence: i64, event: Event) -> IngestRequest {
    let event = IngestEvent { sequence, session: "15550100400".to_owned(), event: Some(event) };
    IngestRequest { request: Some(Request::Event(event.encode_to_vec().into())) }
}

/// An incoming message.
pub fn message(id: &str) -> Event {
    message_saying(id, "hello")
}

/// An incoming message with that text.
pub fn message_saying(id: &str, body: &str) -> Event {
    Event::Message(ingest_event::Message {
        id: id.to_owned(),
        chat: CHAT.to_owned(),
        timestamp: Some(prost_types::Timestamp { seconds: 1_737_976_000, nanos: 0 }),
        body: Some(body.to_owned()),
        ..ingest_event::Message::default()
    })
}

fn bodies(world: &World) -> Vec<Value> {
    world.sql().rows("SELECT message_id, body FROM messages ORDER BY message_id")
}

#[tokio::test]
async fn an_event_is_acknowledged_once_it_is_stored() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, acknowledged) = Connector::open(&world.url(), &key, "").await.expect("open");
    assert_eq!(acknowledged, 0);
    for sequence in [1, 5] {
        connector.tell(sequence, message(&format!("M{sequence}"))).await;
        let acknowledged = connector.acknowledged(sequence).await.expect("acknowledged");
        assert_eq!(acknowledged, [Acknowledgement { sequence, rejected: Vec::new() }]);
        assert_eq!(world.sql().count(&format!("messages WHERE message_id = 'M{sequence}'")), 1);
    }
    connector.tell(9, message("M9")).await;
    assert_eq!(connector.close().await.expect("a good end"), 9);
    assert_eq!(bodies(&world).len(), 3);
}

fn one_of_each_kind() -> [Event; 9] {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    [
        Event::Contact(ingest_event::Contact {
            id: CHAT.to_owned(),
            name: Some("Asha".to_owned()),
            ..Default::default()
        }),
        Event::Chat(ingest_event::Chat {
            jid: CHAT.to_owned(),
            r#type: ingest_event::ChatType::Dm.into(),
            pinned: Some(true),
            muted_until: at(1_900_000_000),
            members: Some(ingest_event::Members {
                members: vec![ingest_event::Member { id: CHAT.to_owned(), ..Default::default() }],
            }),
            ..Default::default()
        }),
        Event::Receipt(ingest_event::Receipt {
            message: "A".to_owned(),
            chat: CHAT.to_owned(),
            by: CHAT.to_owned(),
            kind: ingest_event::ReceiptKind::Read.into(),
            at: at(1_737_976_009),
        }),
        message("A"),
        message("B"),
        Event::DeleteMessage(ingest_event::DeleteMessage { id: "B".to_owned(), chat: CHAT.to_owned() }),
        Event::Read(ingest_event::Read { chat: CHAT.to_owned(), up_to: at(1_737_975_999) }),
        Event::Address(ingest_event::Address { lid: "189412345678@lid".to_owned(), jid: CHAT.to_owned() }),
        Event::Status(ingest_event::Status {
            status: ingest_event::ConnectionStatus::Connected.into(),
            at: at(1_737_976_000),
        }),
    ]
}

#[tokio::test]
async fn every_kind_of_event_is_stored_as_an_import_would() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    for (event, sequence) in one_of_each_kind().into_iter().zip(1..) {
        connector.tell(sequence, event).await;
    }
    for acknowledged in connector.acknowledged(9).await.expect("acknowledged") {
        assert_eq!(acknowledged.rejected, []);
    }
    let session = &world.org.sessions[0];
    let chat = format!("/api/v1/sessions/{session}/chats/189412345678@lid");
    let shown = world.rest().get(&chat).await.expect(200).json();
    assert_eq!(shown["name"], "Asha");
    assert_eq!((&shown["pinned"], &shown["unreadCount"]), (&Value::Bool(true), &Value::from(2)));
    let messages = world.rest().get(format!("{chat}/messages")).await.expect(200).json();
    assert_eq!(
        (&messages["data"][0]["isDeleted"], &messages["data"][1]["ack"]),
        (&Value::Bool(true), &Value::from("4"))
    );
    assert_eq!(
        world.rest().get(format!("/api/v1/sessions/{session}")).await.expect(200).json()["status"],
        "connected"
    );
}

#[tokio::test]
async fn a_refused_event_is_named_and_the_stream_goes_on() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let refused = [
        (message_saying("X", "a\0b"), 3, "message.body"),
        (message_saying("X", &"x".repeat(2 << 20)), 8, ""),
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
    for ((event, code, field), sequence) in refused.into_iter().zip(1..) {
        connector.tell(sequence, event).await;
        let acknowledged = connector.acknowledged(sequence).await.expect("it goes on");
        let refusals: Vec<_> =
            acknowledged.into_iter().flat_map(|acknowledged| acknowledged.rejected).collect();
        assert_eq!(refusals.len(), 1, "{field}");
        assert_eq!(
            (refusals[0].sequence, refusals[0].code, refusals[0].field.as_str()),
            (sequence, code, field)
        );
        assert!(!refusals[0].message.is_empty());
    }
    connector.tell(10, message("M10")).await;
    connector.acknowledged(10).await.expect("it goes on");
    assert_eq!(bodies(&world).len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_at_all_is_refused_by_its_number_too() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let event = |sequence, body: &str| IngestEvent {
        sequence,
        session: "15550100400".to_owned(),
        event: Some(message_saying("X", body)),
    };
    let mut lone_surrogate = event(1, "abc").encode_to_vec();
    let at = lone_surrogate.windows(3).position(|three| three == b"abc").expect("the text");
    lone_surrogate[at..at + 3].copy_from_slice(b"\xed\xa0\x80");
    let large = event(2, &"x".repeat(5 << 20)).encode_to_vec();
    for (bytes, sequence, code) in [(lone_surrogate, 1, 3), (large, 2, 8)] {
        connector.send(Request::Event(bytes.into())).await;
        let refused = connector.acknowledged(sequence).await.expect("it goes on").remove(0).rejected;
        assert_eq!((refused[0].sequence, refused[0].code), (sequence, code), "{}", refused[0].message);
    }
    connector.tell(3, message("M3")).await;
    connector.acknowledged(3).await.expect("it goes on");
    // More than that is not read, so that its number is not known.
    connector.send(Request::Event(vec![0; 17 << 20].into())).await;
    let end = connector.answer().await.expect_err("too much");
    assert_eq!(end.code(), Code::ResourceExhausted);
    assert!(end.message().contains("after event 3"), "{}", end.message());
}

#[tokio::test]
async fn a_sender_goes_on_where_it_was() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let open =
        async |key: &str, sender: &str| Connector::open(&world.url(), key, sender).await.expect("open");
    let (mut connector, acknowledged) = open(&key, "bridge-1").await;
    assert_eq!(acknowledged, 0);
    for sequence in 1..=30 {
        connector.tell(sequence, message(&format!("M{sequence}"))).await;
    }
    connector.acknowledged(30).await.expect("acknowledged");
    // A refused event counts too.
    connector.tell(31, message("")).await;
    connector.acknowledged(31).await.expect("acknowledged");
    drop(connector);
    assert_eq!(open(&key, "bridge-1").await.1, 31);
    assert_eq!(open(&key, "bridge-2").await.1, 0);
    let other = world.key("ingest,read").await;
    assert_eq!(open(&other, "bridge-1").await.1, 0);
    // What is sent again is stored once.
    let (mut connector, _) = open(&key, "bridge-1").await;
    connector.tell(12, message("M12")).await;
    connector.acknowledged(12).await.expect("acknowledged");
    assert_eq!(open(&key, "bridge-1").await.1, 31);
    assert_eq!(bodies(&world).len(), 30);
}

#[tokio::test]
async fn a_sender_has_one_stream_and_the_one_that_was_opened_last_has_the_name() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let open = async || Connector::open(&world.url(), &key, "bridge").await.expect("open");
    let (mut stream, _) = open().await;
    stream.tell(1, message("M1")).await;
    stream.acknowledged(1).await.expect("acknowledged");
    // An event that is refused is not acknowledged either.
    for lost in [message("M2"), message("")] {
        let (newer, acknowledged) = open().await;
        assert_eq!(acknowledged, 1);
        stream.tell(2, lost).await;
        let end = stream.acknowledged(2).await.expect_err("another stream has the name");
        assert_eq!(end.code(), Code::Aborted, "{end}");
        stream = newer;
    }
    assert_eq!(bodies(&world).len(), 1, "the newer stream was told that nothing else is stored");
    stream.tell(2, message("M2")).await;
    stream.acknowledged(2).await.expect("acknowledged");
    assert_eq!(bodies(&world).len(), 2);
}

#[tokio::test]
async fn what_breaks_the_rules_of_the_stream_ends_it() {
    let world = World::shared().await;
    let key = world.key("ingest").await;
    let first = async |request: Request| {
        let mut connector = Connector::connect(&world.url(), &key).await.expect("a stream");
        connector.send(request).await;
        connector.answer().await.expect_err("refused").code()
    };
    let event = IngestEvent { sequence: 1, ..IngestEvent::default() };
    assert_eq!(first(Request::Event(event.encode_to_vec().into())).await, Code::InvalidArgument);
    assert_eq!(first(Request::Open(Open { sender: "\0".to_owned() })).await, Code::InvalidArgument);
    for numbers in [[1, 1], [2, 1]] {
        let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
        for number in numbers {
            connector.tell(number, message("")).await;
        }
        // What came before is acknowledged.
        connector.acknowledged(numbers[0]).await.expect("acknowledged");
        assert_eq!(connector.answer().await.expect_err("refused").code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_key_for_some_sessions_tells_of_no_other() {
    let world = World::start().await;
    let [_, mine] = &world.org.sessions;
    let args =
        ["key", "create", "--org", &world.org.id, "--name", "one", "--can", "ingest", "--session", mine];
    let key = world.cli(&args);
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    connector.tell(1, message("A")).await;
    let refused = connector.acknowledged(1).await.expect("acknowledged").remove(0).rejected;
    assert_eq!((refused[0].code, refused[0].field.as_str()), (Code::NotFound as i32, "session"));
    let event = IngestEvent { sequence: 2, session: mine.clone(), event: Some(message("B")) };
    connector.send(Request::Event(event.encode_to_vec().into())).await;
    assert_eq!(connector.acknowledged(2).await.expect("acknowledged")[0].rejected, []);
    assert_eq!(bodies(&world).len(), 1);
}

#[tokio::test]
async fn a_revoked_key_tells_no_more() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    connector.tell(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("a key has an id")]);
    assert_eq!(connector.answer().await.expect_err("an end").code(), Code::Unauthenticated);
}
