//! Scope, ownership and lifetime of idempotency keys.

use serde_json::json;

use super::KEY;
use crate::support::{Answer, Rest, World};

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[tokio::test]
async fn replay_returns_stored_response_and_changes_nothing() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let first = world.rest().with(KEY, "first");
    let labelled = first.patch(&chat, json!({"labels": "a"})).await.expect(200);
    world.rest().patch(&chat, json!({"labels": "b"})).await.expect(200);
    let before = world.sql().fingerprint();
    let again = first.patch(&chat, json!({"labels": "a"})).await.expect(200);
    assert!(replayed(&again) && !replayed(&labelled));
    assert_eq!((again.text(), again.header("etag")), (labelled.text(), labelled.header("etag")));
    assert_eq!(world.sql().fingerprint(), before);
    assert_eq!(world.rest().get(&chat).await.expect(200).json()["labels"], json!(["b"]));
}

#[tokio::test]
async fn repeated_delete_with_key_succeeds() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    // The longest key.
    let keyed = world.rest().with(KEY, format!("\"{:!<253}\"", chat.digits));
    keyed.delete(&chat.session_path).await.expect(204);
    let again = keyed.delete(&chat.session_path).await.expect(204);
    assert!(replayed(&again) && again.body.is_empty());
    world.rest().delete(&chat.session_path).await.expect(404);
}

#[tokio::test]
async fn key_identifies_meaning_of_request_not_spelling() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let keyed = world.rest().with(KEY, format!("spelling-{}", chat.digits));
    let patch = async |caller: &Rest, body: &str| caller.json("PATCH", &chat, body.to_owned()).await;
    patch(&keyed, r#"{"labels": "a, b", "assigned_to": null}"#).await.expect(200);
    for body in [
        r#"{"assignedTo":null,"labels":["a, b"]}"#,
        " {\n\"labels\" : \"a, b\" ,\"assigned_to\":null}",
        r#"{"labels":"a, b","assigned_to":null,"chat_name":"ignored"}"#,
    ] {
        assert!(replayed(&patch(&keyed, body).await.expect(200)), "{body}");
    }
    let same = r#"{"labels":"a, b","assigned_to":null}"#;
    let strict = keyed.with("prefer", "handling=strict").with("x-request-id", "again");
    assert!(replayed(&patch(&strict, same).await.expect(200)));
    for body in [r#"{"labels":"a, b"}"#, r#"{"labels":"a","assigned_to":null}"#] {
        patch(&keyed, body).await.expect(409);
    }
    patch(&keyed.with("x-phone", &world.org.numbers[0]), same).await.expect(409);
    patch(&keyed.with("if-match", "\"x\""), same).await.expect(409);
    let numbered = world.rest().with(KEY, format!("metadata-{}", chat.digits));
    let number = world.org.numbers[0].as_str();
    patch(&numbered.with("x-phone", number), same).await.expect(200);
    patch(&numbered.with("if-match", number), same).await.expect(409);
    // A route of the other API is another RPC.
    keyed.patch(&chat.session_path, json!({"pinned": true})).await.expect(409);
}

#[tokio::test]
async fn write_without_changes_uses_its_key() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let keyed = world.rest().with(KEY, format!("nothing-{}", chat.digits));
    assert!(!replayed(&keyed.patch(&chat.session_path, json!({})).await.expect(200)));
    assert!(replayed(&keyed.patch(&chat.session_path, json!({})).await.expect(200)));
    keyed.patch(&chat.session_path, json!({"pinned": true})).await.expect(409);
}

#[tokio::test]
async fn precondition_is_checked_only_once() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let etag = world.rest().get(&chat).await.expect(200).header("etag").to_owned();
    let keyed = world.rest().with(KEY, format!("condition-{}", chat.digits)).with("if-match", etag);
    keyed.patch(&chat, json!({"labels": "a"})).await.expect(200);
    // The ETag has changed by this write.
    assert!(replayed(&keyed.patch(&chat, json!({"labels": "a"})).await.expect(200)));
    world.rest().with("if-match", "\"x\"").patch(&chat, json!({"labels": "a"})).await.expect(412);
}

#[tokio::test]
async fn failed_write_leaves_its_key_unused() {
    let world = World::start().await;
    let missing = world.missing_chat_of(&world.org);
    let before = world.sql().fingerprint();
    let keyed = world.rest().with(KEY, "retried");
    let body = json!({"labels": "a", "assigned_to": "new@acme.example"});
    keyed.patch(&missing, body.clone()).await.expect(422);
    keyed.patch(&missing, json!({"labels": "a"})).await.expect(404);
    keyed.with("if-match", "\"x\"").patch(&missing, json!({"labels": "a"})).await.expect(404);
    keyed.delete(&missing.session_path).await.expect(404);
    assert_eq!(world.sql().fingerprint(), before);

    let chat = world.chat("Alice").await;
    keyed.patch(&chat, body.clone()).await.expect(422);
    world.cli(&["member", "add", "--org", &world.org.id, "--email", "new@acme.example"]);
    assert!(!replayed(&keyed.patch(&chat, body.clone()).await.expect(200)));
    assert!(replayed(&keyed.patch(&chat, body).await.expect(200)));
}

#[tokio::test]
async fn key_of_another_caller_is_another_key() {
    let world = World::start().await;
    let (ours, theirs) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let colleague = world.key("read,send").await;
    assert_ne!(colleague, world.org.key);
    for (token, chat) in [(&world.org.key, &ours), (&colleague, &ours), (&world.other.key, &theirs)] {
        let keyed = world.anonymous().token(token).with(KEY, "shared");
        assert!(!replayed(&keyed.patch(chat, json!({"labels": "a"})).await.expect(200)));
        assert!(replayed(&keyed.patch(chat, json!({"labels": "a"})).await.expect(200)));
    }
}

#[tokio::test]
async fn key_is_stored_in_transaction_of_write() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    world.rest().with(KEY, "atomic").patch(&chat, json!({"labels": "a"})).await.expect(200);
    let transaction = |table: &str| world.sql().value(&format!("SELECT xmin::text FROM {table}"));
    let changed = transaction(&format!("chats WHERE chat_id = '{}'", chat.id));
    assert_eq!(transaction("idempotency_keys"), changed);
    assert!(changed.is_string());
}

#[tokio::test]
async fn key_expires_after_24_hours() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let keyed = world.rest().with(KEY, "day");
    keyed.patch(&chat, json!({"labels": "a"})).await.expect(200);
    let age = |age: &str| {
        let query = format!("UPDATE idempotency_keys SET created_at = now() - interval '{age}'");
        world.sql().run_as(&world.org.id, &query);
    };
    age("23 hours 59 minutes");
    assert!(replayed(&keyed.patch(&chat, json!({"labels": "a"})).await.expect(200)));
    keyed.patch(&chat, json!({"labels": "b"})).await.expect(409);
    age("24 hours");
    assert!(!replayed(&keyed.patch(&chat, json!({"labels": "b"})).await.expect(200)));
    assert!(replayed(&keyed.patch(&chat, json!({"labels": "b"})).await.expect(200)));
    keyed.patch(&chat, json!({"labels": "a"})).await.expect(409);
    assert_eq!(world.sql().count("idempotency_keys"), 1);
}

#[tokio::test]
async fn key_is_stored_as_hash() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    world.rest().with(KEY, "order-4711").patch(&chat, json!({"labels": "a"})).await.expect(200);
    let rows = world
        .sql()
        .rows("SELECT k::text AS row, encode(response, 'escape') AS answer FROM idempotency_keys k");
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].to_string().contains("order-4711"), "{rows:?}");
    assert!(!world.log().contains("order-4711"));
}

#[tokio::test]
async fn only_expired_keys_are_removed() {
    let world = World::start().await;
    // More keys than one batch, of two organizations.
    for org in [&world.org.id, &world.other.id] {
        let rows = format!(
            "INSERT INTO idempotency_keys (org_id, key_sha256, request_sha256, created_at)
             SELECT '{org}', sha256(n::text::bytea), sha256(''), now() - make_interval(hours => n)
             FROM generate_series(0, 1500) n ON CONFLICT DO NOTHING"
        );
        world.sql().run_as(org, &rows);
    }
    // The server removes expired keys at start and then periodically.
    let _server = world.another_server().await;
    let count = || world.sql().count("idempotency_keys");
    for _ in 0..200 {
        if count() == 48 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(count(), 48);
}
