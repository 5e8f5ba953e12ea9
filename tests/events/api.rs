//! Change events of every write of the API, and what is counted with it.

use serde_json::{Value, json};

use super::{changes_after, events_of};
use crate::protocols::chat_lists::numbers::assert_kept;
use crate::support::{Chat, World};

/// Imports an incoming message that the session with this index received.
fn arrive(world: &World, number: usize, chat: &Chat, id: &str, second: i64) {
    let message =
        json!({"id": id, "chat": chat.jid, "fromMe": false, "timestamp": second * 1000, "body": "hello"});
    world.import(&world.org, &[json!({"session": world.org.numbers[number], "message": message})]);
}

fn event(kind: &str, changes: Value) -> (String, Value) {
    (kind.to_owned(), changes)
}

#[tokio::test]
async fn marks_and_flags_write_events_with_both_values() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Marked").await);
    arrive(&world, 0, &chat, "M1", 100);
    let before = events_of(&world, &chat).len();
    for state in ["read", "read", "unread", "unread"] {
        rest.send("POST", format!("{}/{state}", chat.session_path), "").await.expect(200);
    }
    rest.patch(&chat.session_path, json!({"archived": true, "pinned": true})).await.expect(200);
    rest.patch(&chat.session_path, json!({"archived": true})).await.expect(200);
    let expected = [
        event("messages", json!({"unread": [1, 0], "read_up_to": [null, 100_000_000]})),
        event("messages", json!({"unread": [0, 1]})),
        event("state", json!({"archived": [false, true], "pinned": [false, true]})),
    ];
    assert_eq!(changes_after(&world, &chat, before), expected);
    assert_kept(&world);
}

#[tokio::test]
async fn access_and_labels_of_many_chats_write_an_event_each() {
    let world = World::start().await;
    let chats = [world.chat("One").await, world.chat("Two").await];
    let before = chats.clone().map(|chat| events_of(&world, &chat).len());
    let ids = json!([chats[0].id, chats[1].id]);
    let [agent, second] = &world.org.members;
    let set = async |body: Value| world.rest().patch("/v1/chats/access", body).await.expect(204);
    set(json!({"chat_ids": ids, "access": {agent: true}})).await;
    set(json!({"chat_ids": ids, "access": {agent: false}, "replace": false})).await;
    set(json!({"chat_ids": [chats[0].id], "access": {second: true}})).await;
    let labels = async |names: &str| {
        let body = json!({"chat_ids": ids, "labels": names});
        world.rest().patch("/v1/chats/labels", body).await.expect(204);
    };
    labels("one").await;
    labels("two").await;
    let manager = world.rest().token(&world.key("manage").await);
    manager.delete(&format!("/api/v1/organization/members/{agent}")).await.expect(204);

    let label = |name: &str| {
        let id = world.sql().value(&format!("SELECT label_id FROM labels WHERE name = '{name}'"));
        format!("labels.{}", id.as_str().expect("a label"))
    };
    let of = |member: &str| format!("access.{member}");
    let given = event("access", json!({of(agent): [null, true]}));
    let denied = event("access", json!({of(agent): [true, false]}));
    let labelled = [
        event("labels", json!({label("one"): [null, "one"]})),
        event("labels", json!({label("one"): ["one", null]})),
        event("labels", json!({label("two"): [null, "two"]})),
    ];
    let gone = event("access", json!({of(agent): [false, null]}));
    let replaced = [gone.clone(), event("access", json!({of(second): [null, true]}))];
    let first = [&[given.clone(), denied.clone()], &replaced[..], &labelled[..]].concat();
    assert_eq!(changes_after(&world, &chats[0], before[0]), first);
    let second = [&[given, denied], &labelled[..], &[gone]].concat();
    assert_eq!(changes_after(&world, &chats[1], before[1]), second);
}

#[tokio::test]
async fn removed_options_write_events_of_the_values() {
    let world = World::start().await;
    let (chat, other) = (world.chat("Both").await, world.chat("One").await);
    let manager = world.rest().token(&world.key("manage").await);
    let properties = "/api/v1/organization/properties";
    let define = json!({"name": "Topics", "kind": "picklist", "options": ["a", "b"]}).to_string();
    let defined = manager.json("POST", properties, define).await.expect(201).json();
    let id = defined["id"].as_str().expect("an id");
    for (chat, topics) in [(&chat, json!(["a", "b"])), (&other, json!(["a"]))] {
        world.rest().patch(chat, json!({"custom_properties": {"Topics": topics}})).await.expect(200);
    }
    let before = [&chat, &other].map(|chat| events_of(&world, chat).len());
    manager.patch(&format!("{properties}/{id}"), json!({"options": ["b"]})).await.expect(200);
    let field = format!("properties.{id}");
    let kept = event("properties", json!({&field: [["a", "b"], ["b"]]}));
    assert_eq!(changes_after(&world, &chat, before[0]), [kept]);
    let emptied = event("properties", json!({&field: [["a"], null]}));
    assert_eq!(changes_after(&world, &other, before[1]), [emptied]);
}

#[tokio::test]
async fn deleted_session_writes_events_and_keeps_counts() {
    let world = World::start().await;
    let (alone, shared) = (world.chat("Alone").await, world.chat("Shared").await);
    for (number, chat, id) in [(0, &alone, "A1"), (0, &shared, "A2"), (1, &shared, "B1")] {
        arrive(&world, number, chat, id, 100);
    }
    world.rest().patch(&alone, json!({"labels": "vip"})).await.expect(200);
    assert_kept(&world);
    let last = world.sql().value("SELECT max(at)::text FROM events");
    let last = last.as_str().expect("a time");
    let manager = world.rest().token(&world.key("manage").await);
    manager.delete(&format!("/api/v1/sessions/{}", world.org.sessions[0])).await.expect(204);

    assert_kept(&world);
    let written = format!(
        "SELECT chat_key, kind, session_id IS NULL AS of_all, changes FROM events WHERE at > '{last}' ORDER BY kind DESC"
    );
    let events = world.sql().rows(&written);
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["detached", "detached", "deleted"]);
    assert_eq!(events[2]["of_all"], true);
    let changes = events[2]["changes"].as_object().expect("fields");
    assert_eq!(changes["chat_id"], json!([alone.id, null]));
    assert_eq!(changes.iter().filter(|(_, values)| **values == json!(["vip", null])).count(), 1);
    let key = |chat: &Chat| {
        world.sql().value(&format!("SELECT chat_key FROM chat_addresses WHERE address = '{}'", chat.id))
    };
    assert!(events[..2].iter().any(|event| event["chat_key"] == key(&shared)));
    assert_eq!(key(&alone), Value::Null);
}
