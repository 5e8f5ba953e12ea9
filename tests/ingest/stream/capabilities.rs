//! What a key may send: events that require more than the capability `ingest`, and nothing once it is revoked.

use prost::Message;
use switchboard::pb::ingest_event::{self, Event};
use switchboard::pb::{IngestEvent, ingest_request};
use tonic::Code;

use super::{CHAT, Connector, message};
use crate::support::World;

const PERMISSION_DENIED: i32 = 7;

fn inbox() -> Event {
    Event::Inbox(ingest_event::Inbox {
        chat: CHAT.to_owned(),
        labels: Some(ingest_event::LabelNames { names: vec!["vip".to_owned()] }),
        ..Default::default()
    })
}

fn setups() -> [(&'static str, Event); 4] {
    let new = |name: &str| name.to_owned();
    [
        ("number", Event::Number(ingest_event::Number::default())),
        (
            "member",
            Event::Member(ingest_event::OrganizationMember {
                email: new("new@acme.example"),
                ..Default::default()
            }),
        ),
        ("label", Event::Label(ingest_event::Label { name: new("new"), ..Default::default() })),
        (
            "property",
            Event::Property(ingest_event::Property {
                name: new("new"),
                kind: new("text"),
                ..Default::default()
            }),
        ),
    ]
}

/// The fields named by the rejections, all for missing capabilities.
async fn rejected(world: &World, key: &str, events: Vec<Event>) -> Vec<String> {
    let (mut connector, _) = Connector::open(&world.url(), key, "").await.expect("open");
    let mut last = 0;
    for event in events {
        last += 1;
        let session = if matches!(event, Event::Number(_)) { "15550109999" } else { "15550100400" };
        let event = IngestEvent { sequence: last, session: session.to_owned(), event: Some(event) };
        connector.send(ingest_request::Request::Event(event.encode_to_vec().into())).await;
    }
    let acknowledged = connector.acknowledged(last).await.expect("acknowledged");
    let rejections = acknowledged.into_iter().flat_map(|acknowledged| acknowledged.rejected);
    rejections
        .map(|rejection| {
            assert_eq!(rejection.code, PERMISSION_DENIED, "{}", rejection.message);
            rejection.field
        })
        .collect()
}

#[tokio::test]
async fn setup_and_inbox_events_require_more_capabilities() {
    let world = World::start().await;
    let all = || setups().into_iter().map(|(_, event)| event).chain([inbox(), message("A")]).collect();
    let names = setups().map(|(name, _)| name.to_owned()).to_vec();
    let with_inbox: Vec<String> = names.iter().cloned().chain(["inbox".to_owned()]).collect();
    let limited = world.limited_key("ingest,send,manage", &world.org.sessions[..1]);
    let before = world.sql().count("sessions");

    assert_eq!(rejected(&world, &world.key("ingest").await, all()).await, with_inbox);
    assert_eq!(rejected(&world, &world.key("ingest,manage").await, vec![inbox()]).await, ["inbox"]);
    assert_eq!(rejected(&world, &world.key("ingest,send").await, all()).await, names);
    assert_eq!(rejected(&world, &limited, all()).await, names);
    assert_eq!(world.sql().count("sessions"), before);
    assert_eq!(world.sql().count("chat_labels"), 1);

    assert!(rejected(&world, &world.key("ingest,send,manage").await, all()).await.is_empty());
    assert_eq!(world.sql().count("sessions"), before + 1);
    for table in [
        "members WHERE email = 'new@acme.example'",
        "labels WHERE name = 'new'",
        "properties WHERE name = 'new'",
    ] {
        assert_eq!(world.sql().count(table), 1, "{table}");
    }
}

#[tokio::test]
async fn revoked_key_ends_the_stream() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    connector.apply(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("a key has an id")]);
    assert_eq!(connector.answer().await.expect_err("the end of the stream").code(), Code::Unauthenticated);
}
