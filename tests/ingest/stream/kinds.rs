//! Every kind of event over gRPC.

use serde_json::Value;
use switchboard::pb::ingest_event::{self, Event};

use super::{CHAT, Connector, message};
use crate::support::World;

fn reference(id: &str) -> Option<ingest_event::MessageReference> {
    let (id, chat) = (id.to_owned(), CHAT.to_owned());
    Some(ingest_event::MessageReference { id, chat, ..Default::default() })
}

fn one_of_each_kind() -> [Event; 11] {
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
            message: reference("A"),
            by: CHAT.to_owned(),
            kind: ingest_event::ReceiptKind::Read.into(),
            at: at(1_737_976_009),
            reason: None,
        }),
        Event::Edit(ingest_event::Edit {
            message: reference("A"),
            body: "edited".to_owned(),
            at: at(1_737_976_010),
        }),
        Event::Reaction(ingest_event::Reaction {
            message: reference("A"),
            by: CHAT.to_owned(),
            emoji: "\u{1f44d}".to_owned(),
            at: at(1_737_976_011),
        }),
        message("A"),
        message("B"),
        Event::DeleteMessage(ingest_event::DeleteMessage { message: reference("B") }),
        Event::Read(ingest_event::Read { chat: CHAT.to_owned(), up_to: at(1_737_975_999) }),
        Event::Address(ingest_event::Address {
            lid: "189412345678@lid".to_owned(),
            jid: CHAT.to_owned(),
            ..Default::default()
        }),
        Event::Status(ingest_event::Status {
            status: ingest_event::ConnectionStatus::Connected.into(),
            at: at(1_737_976_000),
        }),
    ]
}

#[tokio::test]
async fn every_kind_of_event_is_stored_over_grpc() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    for (event, sequence) in one_of_each_kind().into_iter().zip(1..) {
        connector.apply(sequence, event).await;
    }
    for acknowledged in connector.acknowledged(11).await.expect("acknowledged") {
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
