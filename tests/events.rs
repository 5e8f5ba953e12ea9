//! Change events: written in the transaction of every change of a chat.

mod api;
use serde_json::{Value, json};

use crate::support::{Chat, World, until};

/// The events of the chat in order: session, kind, actor and changed fields.
fn events_of(world: &World, chat: &Chat) -> Vec<(Value, String, String, Value)> {
    let query = format!(
        "SELECT session_id, kind, actor, changes FROM events WHERE (org_id, chat_key) IN
             (SELECT org_id, chat_key FROM chat_addresses WHERE address = '{}') ORDER BY number",
        chat.id
    );
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = world.sql().rows(&query).into_iter();
    rows.map(|row| {
        (row["session_id"].clone(), text(&row["kind"]), text(&row["actor"]), row["changes"].clone())
    })
    .collect()
}

/// The kinds and changed fields of the events after the first ones.
fn changes_after(world: &World, chat: &Chat, first: usize) -> Vec<(String, Value)> {
    events_of(world, chat).into_iter().skip(first).map(|(_, kind, _, changes)| (kind, changes)).collect()
}

fn key_id(key: &str) -> &str {
    key.split('_').nth(1).expect("a key has an id")
}

#[tokio::test]
async fn ingest_writes_events() {
    let world = World::shared().await;
    let chat = world.chat("Ingested").await;
    let session = &world.org.numbers[0];
    world.import(
        &world.org,
        &[
            json!({"session": session, "chat": {"jid": chat.jid, "pinned": true}}),
            json!({"session": session, "message": {"id": "E1", "chat": chat.jid, "fromMe": false, "sender": chat.id,
                "type": "chat", "body": "hello", "timestamp": 1_737_976_076_000_i64}}),
            json!({"session": session, "message": {"id": "E2", "chat": chat.jid, "fromMe": false, "sender": chat.id,
                "type": "chat", "body": "again", "timestamp": 1_737_976_077_000_i64}}),
        ],
    );
    world.import(
        &world.org,
        &[json!({"session": session, "receipt": {"message": {"id": "E2", "chat": chat.jid}, "by": chat.id, "kind": "read",
            "at": 1_737_976_078_000_i64}})],
    );
    let events = events_of(world, &chat);
    assert!(events.iter().all(|(_, _, actor, _)| actor == "connector"), "{events:?}");
    assert!(events.iter().any(|(of, kind, ..)| of == world.org.sessions[0].as_str() && kind == "attached"));
    let changes: Vec<_> = events.into_iter().map(|(_, kind, _, changes)| (kind, changes)).collect();
    // The last message's event has what the messages of a batch change in the chat.
    let counted = json!({"unread": [null, 2], "latest_message_id": [null, "E2"],
        "last_message_at": [null, 1_737_976_077_000_000_i64]});
    for expected in [
        ("state", json!({"pinned": [false, true]})),
        ("message.created", json!({})),
        ("message.created", counted),
        ("message.updated", json!({"latest_message.ack": [null, 4]})),
    ] {
        assert!(
            changes.contains(&(expected.0.to_owned(), expected.1.clone())),
            "{expected:?} in {changes:?}"
        );
    }
}

#[tokio::test]
async fn late_or_edited_older_message_writes_event_without_fields() {
    let world = World::shared().await;
    let chat = world.chat("Late").await;
    let import = |id: &str, at: i64, body: &str, updated_at: i64| {
        let message = json!({"id": id, "chat": chat.jid, "fromMe": true, "body": body, "timestamp": at,
            "updatedAt": updated_at});
        world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
    };
    import("L2", 1_737_976_076_000, "latest", 1_737_976_076_000);
    let before = events_of(world, &chat).len();
    import("L1", 1_737_976_000_000, "late", 1_737_976_000_000);
    import("L1", 1_737_976_000_000, "edited", 1_737_976_080_000);
    let expected = ["message.created", "message.updated"].map(|kind| (kind.to_owned(), json!({})));
    assert_eq!(changes_after(world, &chat, before), expected);
}

#[tokio::test]
async fn event_has_the_actor_and_both_values() {
    let world = World::shared().await;
    let chat = world.chat("Changed").await;
    let before = events_of(world, &chat).len();
    let body =
        json!({"assigned_to": world.org.members[0], "labels": "seen", "custom_properties": {"note": "one"}});
    assert_eq!(world.rest().patch(&chat.path, body.clone()).await.status, 200);
    // An equal update writes no event.
    assert_eq!(world.rest().patch(&chat.path, body.clone()).await.status, 200);
    let unassigned = json!({"assigned_to": null, "custom_properties": {"note": "two"}});
    assert_eq!(world.rest().patch(&chat.path, unassigned).await.status, 200);
    assert_eq!(world.rest().patch(&chat.session_path, json!({"archived": true})).await.status, 200);

    let events = events_of(world, &chat).split_off(before);
    let actor = format!("key:{}", key_id(&world.org.key));
    assert!(events.iter().all(|(_, _, by, _)| *by == actor), "{events:?}");
    let label = world.sql().value("SELECT label_id FROM labels WHERE name = 'seen'");
    let label = label.as_str().expect("a label");
    let (email, note) = (&world.org.members[0], &world.org.note);
    let changes: Vec<_> =
        events.into_iter().map(|(session, kind, _, changes)| (session, kind, changes)).collect();
    let of = |kind: &str, changes: Value| (Value::Null, kind.to_owned(), changes);
    let expected = [
        of("labels", json!({format!("labels.{label}"): [null, "seen"]})),
        of("properties", json!({format!("properties.{note}"): [null, "one"]})),
        of("assignee", json!({"assignee": [null, email]})),
        of("properties", json!({format!("properties.{note}"): ["one", "two"]})),
        of("assignee", json!({"assignee": [email, null]})),
        (json!(world.org.sessions[0]), "state".to_owned(), json!({"archived": [false, true]})),
    ];
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn changes_of_labels_members_properties_write_chat_events() {
    let world = World::start().await;
    let chat = world.chat("Cleaned").await;
    let manager = world.rest().token(&world.key("manage").await);
    let body =
        json!({"assigned_to": world.org.members[1], "labels": "old", "custom_properties": {"note": "x"}});
    assert_eq!(world.rest().patch(&chat.path, body.clone()).await.status, 200);
    let label = world.sql().value("SELECT label_id FROM labels WHERE name = 'old'");
    let label = label.as_str().expect("a label");
    let before = events_of(&world, &chat).len();

    let path = |noun: &str, id: &str| format!("/api/v1/organization/{noun}/{id}");
    let renamed = manager.patch(&path("labels", label), json!({"name": "new"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    for gone in
        [path("labels", label), path("members", &world.org.members[1]), path("properties", &world.org.note)]
    {
        assert_eq!(manager.delete(&gone).await.status, 204, "{gone}");
    }
    let contact = json!({"session": world.org.numbers[0], "contact": {"id": chat.id, "name": "Renamed"}});
    world.import(&world.org, &[contact]);

    let expected = [
        ("labels", json!({format!("labels.{label}"): ["old", "new"]})),
        ("labels", json!({format!("labels.{label}"): ["new", null]})),
        ("assignee", json!({"assignee": [world.org.members[1], null]})),
        ("properties", json!({format!("properties.{}", world.org.note): ["x", null]})),
        ("details", json!({"name": ["Cleaned", "Renamed"]})),
    ];
    let expected = expected.map(|(kind, changes)| (kind.to_owned(), changes));
    assert_eq!(changes_after(&world, &chat, before), expected);
}

#[tokio::test]
async fn deleted_chat_writes_a_final_event() {
    let world = World::start().await;
    let chat = world.chat("Removed").await;
    let member = &world.org.members[0];
    let body = json!({"labels": "gone", "assigned_to": member});
    assert_eq!(world.rest().patch(&chat.path, body).await.status, 200);
    let label = world.sql().value("SELECT label_id FROM labels WHERE name = 'gone'");
    let label = format!("labels.{}", label.as_str().expect("a label"));
    assert_eq!(world.rest().delete(&chat.session_path).await.status, 204);
    let last = "SELECT kind, changes FROM events WHERE chat_key =
        (SELECT max(chat_key) FROM events WHERE kind = 'deleted') ORDER BY number DESC LIMIT 2";
    let held = format!("held_by.{}", world.org.sessions[0]);
    let had = json!({"chat_id": [chat.id, null], "assignee": [member, null], label: ["gone", null], held: [true, null]});
    let expected = [json!({"kind": "deleted", "changes": had}), json!({"kind": "detached", "changes": {}})];
    assert_eq!(world.sql().rows(last), expected);
}

#[tokio::test]
async fn expired_events_are_deleted() {
    let world = World::start_with("127.0.0.1:0", &["--event-retention", "200ms"]).await;
    world.chat("Expired").await;
    assert!(world.sql().count("chats") > 0);
    until("no event remains", async || world.sql().count("events") == 0).await;
    // As an operator does after a restore.
    world.admin().run("UPDATE event_heads SET last = last + 1000");
    world.chat("Expired after skipped numbers").await;
    until("no event remains", async || world.sql().count("events") == 0).await;
}

#[tokio::test]
async fn merge_of_chats_writes_its_events_in_one_transaction() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let lid = "189412345678@lid";
    let message = |number: usize, id: &str| {
        json!({"session": world.org.numbers[number], "message": {"id": id, "chat": lid, "fromMe": false,
            "body": "hello", "timestamp": 1_737_976_000_000_i64}})
    };
    // The first session holds both chats, the second only that of the LID.
    world.import(&world.org, &[message(0, "A"), message(1, "B")]);
    let before = world.sql().value("SELECT max(at)::text FROM events");
    let before = before.as_str().expect("a time");
    world.import(
        &world.org,
        &[json!({"session": world.org.numbers[0], "address": {"lid": lid, "jid": chat.jid}})],
    );

    let rows = format!("FROM event_views WHERE at > '{before}'");
    let events =
        world.sql().rows(&format!("SELECT chat_id, session_id, kind, changes {rows} ORDER BY at, event_id"));
    let [first, second] = [0, 1].map(|number| world.org.sessions[number].as_str());
    let [held_first, held_second] = [first, second].map(|session| format!("held_by.{session}"));
    let had = json!({"chat_id": [lid, null], held_first: [true, null], held_second: [true, null]});
    let latest = |id: &str| json!({"latest_message_id": [null, id], "last_message_at": [null, 1_737_976_000_000_000_i64]});
    let expected = [
        json!({"chat_id": chat.id, "session_id": second, "kind": "attached", "changes": {}}),
        json!({"chat_id": chat.id, "session_id": first, "kind": "messages", "changes": latest("A")}),
        json!({"chat_id": chat.id, "session_id": first, "kind": "messages", "changes": {"unread": [null, 1]}}),
        json!({"chat_id": chat.id, "session_id": second, "kind": "messages", "changes": latest("B")}),
        json!({"chat_id": chat.id, "session_id": second, "kind": "messages", "changes": {"unread": [null, 1]}}),
        json!({"chat_id": lid, "session_id": first, "kind": "detached", "changes": {}}),
        json!({"chat_id": lid, "session_id": second, "kind": "detached", "changes": {}}),
        json!({"chat_id": lid, "session_id": null, "kind": "deleted", "changes": had}),
    ];
    for event in &expected {
        assert!(events.contains(event), "{event} in {events:#?}");
    }
    assert_eq!(events.len(), expected.len(), "{events:#?}");
    // The chat is deleted after its last session is detached.
    let last_of_lid = events.iter().rfind(|event| event["chat_id"] == lid);
    assert_eq!(last_of_lid, expected.last(), "{events:#?}");
    let transactions = format!("SELECT count(DISTINCT xmin::text) FROM events WHERE at > '{before}'");
    assert_eq!(world.sql().value(&transactions), json!(1));
}
