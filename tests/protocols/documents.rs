//! Responses equal the documented bodies in `tests/data/`, key by key.
//!
//! Only ids and times that the service generates are not compared.

use serde_json::{Value, json};

use crate::support::{Answer, Rest, World};

const ORG: &str = "0193a5c2-7b1e-7c3d-9f20-4d5e6f708192";
const NUMBER: &str = "15550100400";
const PROPERTY: &str = "property-tlkudzxmhjkgoktm";
const SESSION: &str = "01J9ZX8K2QHV0M3T6R7P4N5W8C";
const CHAT: &str = "/v1/chats/15550101844@c.us";

#[tokio::test]
async fn chat_equals_the_documented_body() {
    let world = World::start().await;
    let caller = documented_org(&world, include_str!("../data/chat.ndjson"));
    let update = json!({
        "labels": "chatlabel1, chatlabel2",
        "assigned_to": "agent@acme.example",
        "custom_properties": {PROPERTY: "hello"},
    });
    let updated = caller.patch(CHAT, update.clone()).await.expect(200);
    let mut documented = document(include_str!("../data/chat_updated.json"));
    if documented["latest_message"].is_object() {
        documented["latest_message"]["reactions"] = json!([]);
        documented["latest_message"]["failure_reason"] = json!(null);
    }
    let answered = updated.json();
    for key in documented.as_object().expect("an object").keys() {
        assert_eq!(redacted(&answered)[key], redacted(&documented)[key], "{key}");
    }
    assert_own_values(&answered);

    world.import(&org_of(&world), &lines(include_str!("../data/chat_newer_message.ndjson")));
    let fetched = caller.get(CHAT).await.expect(200);
    let mut documented = document(include_str!("../data/chat_fetched.json"));
    let more = json!({
        "labels": ["chatlabel1", "chatlabel2"], "member_add_mode": null, "is_archived": false, "is_pinned": false,
    });
    documented.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    documented["latest_message"]["reactions"] = json!([]);
    documented["latest_message"]["failure_reason"] = json!(null);
    assert_eq!(redacted(&fetched.json()), redacted(&documented));
    assert_own_values(&fetched.json());
    assert_eq!(fetched.header("content-type"), "application/json");

    for spelling in
        ["15550101844", "15550101844%40c.us", "15550101844@s.whatsapp.net", "15550101844:12@s.whatsapp.net"]
    {
        let same = caller.get(format!("/v1/chats/{spelling}")).await.expect(200);
        assert_eq!(same.json(), fetched.json(), "{spelling}");
    }
    let selected = caller.with("x-phone", NUMBER).get(CHAT).await.expect(200);
    assert_eq!(selected.body, fetched.body);
}

#[tokio::test]
async fn session_chat_equals_the_documented_body() {
    let world = World::start().await;
    let caller = documented_org(&world, include_str!("../data/session_chat.ndjson"));
    let documented = document(include_str!("../data/session_chat.json"));
    let path = format!("/api/v1/sessions/{SESSION}/chats/15550102222");
    for spelling in ["@s.whatsapp.net", "@c.us", ":23@s.whatsapp.net", "%40s.whatsapp.net"] {
        let answer = caller.get(format!("{path}{spelling}")).await.expect(200);
        let mut answered = answer.json();
        assert!(answered["id"].is_u64(), "{answered}");
        answered["id"] = documented["id"].clone();
        assert_eq!(answered, documented, "{spelling}");
    }
    let pinned =
        caller.patch(format!("{path}@s.whatsapp.net"), json!({"pinned": true, "unmute": true})).await;
    let pinned = pinned.expect(200).json();
    assert_eq!((&pinned["pinned"], &pinned["mutedUntil"]), (&json!(true), &Value::Null));
    assert_eq!(
        pinned.as_object().map(serde_json::Map::len),
        Some(10),
        "every key is always present: {pinned}"
    );
}

#[tokio::test]
async fn errors_equal_the_documented_bodies() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let empty = document(include_str!("../data/chat_empty_patch.json"));
    for body in ["{}", "\"\"", "", r#"{"unknown": 1}"#] {
        let answer = world.rest().json("PATCH", &chat, body).await.expect(422);
        assert_eq!(answer.json(), empty, "{body:?}");
    }
    let nowhere = format!("/api/v1/sessions/{SESSION}/chats/{}", chat.jid);
    let missing = document(include_str!("../data/session_not_found.json"));
    assert_eq!(world.rest().get(&nowhere).await.expect(404).json(), missing);
    assert_eq!(world.rest().patch(&nowhere, json!({"pinned": true})).await.expect(404).json(), missing);
    assert_eq!(world.rest().delete(&nowhere).await.expect(404).json(), missing);
    let gone = world.missing_chat_of(&world.org);
    let answer = world.rest().get(&gone.session_path).await.expect(404);
    assert_eq!(answer.json()["error"]["message"], "chat not found");
    let answer: Answer = world.rest().get(&gone).await.expect(404);
    assert_eq!((&answer.json()["code"], &answer.json()["status"]), (&json!("NOT_FOUND_ERROR"), &json!(404)));
}

/// Creates the documented organization, and returns a client with a key of it.
fn documented_org(world: &World, events: &str) -> Rest {
    world.cli(&["org", "create", "--name", "Acme", "--id", ORG]);
    world.cli(&["session", "create", "--org", ORG, "--phone", NUMBER]);
    world.cli(&["session", "create", "--org", ORG, "--phone", "15550100402", "--id", SESSION]);
    world.cli(&["member", "add", "--org", ORG, "--email", "agent@acme.example"]);
    world
        .cli(&["property", "create", "--org", ORG, "--name", "Greeting", "--kind", "text", "--id", PROPERTY]);
    world.import(&org_of(world), &lines(events));
    let access = "INSERT INTO chat_access SELECT org_id, chat_key, member_key, true
        FROM chats JOIN members USING (org_id) WHERE chat_id = '15550101844@c.us'";
    world.sql().run_as(ORG, &format!("{access} AND org_id = '{ORG}'"));
    let key = world.cli(&["key", "create", "--org", ORG, "--name", "test", "--can", "read,send"]);
    world.anonymous().token(&key)
}

fn org_of(world: &World) -> crate::support::Org {
    crate::support::Org { id: ORG.to_owned(), ..world.org.clone() }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(document).collect()
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The chat with generated label ids and times replaced.
fn redacted(chat: &Value) -> Value {
    let mut chat = chat.clone();
    if let Some(labels) = chat.get("label_ids").and_then(Value::as_object) {
        chat["label_ids"] = json!(labels.values().collect::<Vec<_>>());
    }
    if chat["updated_at"].is_string() {
        chat["updated_at"] = json!("a time");
    }
    chat
}

/// Checks the form of generated values.
fn assert_own_values(chat: &Value) {
    let time = chat["updated_at"].as_str().expect("a text");
    assert!(time.parse::<jiff::Timestamp>().is_ok() && time.ends_with("+00:00"), "{time}");
    for label in chat["label_ids"].as_object().expect("an object").keys() {
        let digits = label.strip_prefix("label-").expect("label-");
        assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_lowercase()), "{label}");
    }
}
