//! Deleting a session, its chats, and shared data of chats that no other session holds.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use super::{SESSIONS, body, manager};
use crate::support::{World, until};

#[tokio::test]
async fn deleted_session_removes_chats_without_other_sessions() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let [first, second] = &world.org.numbers;
    let (alone, shared) = (world.chat("Alone").await, world.chat("Shared").await);
    let message = |number: &String, chat: &str, id: &str| {
        json!({"session": number, "message": {
            "id": id, "chat": chat, "fromMe": false, "timestamp": 1_737_976_000_000_i64, "body": "hello"}})
    };
    world.import(
        &world.org,
        &[
            message(first, &alone.jid, "A1"),
            message(first, &shared.jid, "A2"),
            message(second, &shared.jid, "B1"),
        ],
    );
    for chat in [&alone, &shared] {
        rest.patch(chat, json!({"labels": "vip"})).await.expect(200);
    }
    let theirs = world.sql().fingerprint_of(&world.other.id);
    let path = format!("{SESSIONS}/{}", world.org.sessions[0]);
    let deleted = rest.delete(&path).await.expect(204);
    assert!(deleted.body.is_empty());

    let answer = rest.delete(&path).await.expect(404).json();
    assert_eq!(answer["error"]["message"], "session not found");
    rest.get(&path).await.expect(404);
    rest.get(&alone.session_path).await.expect(404);
    rest.get(&alone).await.expect(404);
    assert_eq!(rest.get(&shared).await.expect(200).json()["labels"], json!(["vip"]));
    let org = &world.org.id;
    let mut sql = world.sql();
    assert_eq!(sql.count(&format!("chats WHERE org_id = '{org}'")), 1);
    assert_eq!(sql.count(&format!("chat_labels WHERE org_id = '{org}'")), 1);
    assert_eq!(
        sql.value(&format!("SELECT string_agg(message_id, ',') FROM messages WHERE org_id = '{org}'")),
        "B1"
    );
    assert_eq!(sql.fingerprint_of(&world.other.id), theirs);

    // The number can be attached again, without old data.
    let again = rest.json("POST", SESSIONS, body(first)).await.expect(201).json();
    world.import(&world.org, &[message(first, &alone.jid, "A3")]);
    let chat = format!("{SESSIONS}/{}/chats/{}", again["id"].as_str().expect("an id"), alone.jid);
    rest.get(&chat).await.expect(200);
    assert_eq!(rest.get(&alone).await.expect(200).json()["labels"], json!([]));
}

#[tokio::test]
async fn session_can_be_deleted_while_its_connector_writes() {
    let world = World::start().await;
    let rest = manager(&world).await;
    let mut sql = world.sql();
    for round in 0..5 {
        let number = format!("1555010{:04}", 8000 + round);
        let session = rest.json("POST", SESSIONS, body(&number)).await.expect(201).json();
        let id = session["id"].as_str().expect("an id");
        let lines: Vec<_> = (0..4000).map(|at| line(&number, at)).collect();
        let mut command = world.command(&["import", "-", "--org", &world.org.id]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary");
        let importing = tokio::task::spawn_blocking(move || {
            let mut input = child.stdin.take().expect("piped");
            input.write_all(lines.join("\n").as_bytes()).expect("import reads its input");
            drop(input);
            // Lines after the removal name a deleted session and are reported as failed.
            child.wait().expect("import ends")
        });
        let stored = format!("messages WHERE session_id = '{id}'");
        until("a message is stored", async || sql.count(&stored) > 0).await;
        rest.delete(format!("{SESSIONS}/{id}")).await.expect(204);
        importing.await.expect("no panic");
        for table in ["session_chats", "messages"] {
            assert_eq!(sql.count(&format!("{table} WHERE session_id = '{id}'")), 0, "{table}");
        }
        assert_eq!(sql.count("chats"), 0, "chats without a session");
    }
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[tokio::test]
async fn interrupted_deletion_of_a_large_session_is_continued() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "2s"]).await;
    let rest = manager(&world).await;
    let session = rest.json("POST", SESSIONS, body("15550108100")).await.expect(201).json();
    let path = format!("{SESSIONS}/{}", session["id"].as_str().expect("an id"));
    world.import(&world.org, &(0..1000).map(message).collect::<Vec<_>>());
    let mut sql = world.sql();
    let held = format!("session_chats WHERE session_id = '{}'", session["id"].as_str().expect("an id"));
    assert_eq!(sql.count(&held), 1000);

    let before = sql.fingerprint_of(&world.org.id);
    rest.with("if-match", "\"another\"").delete(&path).await.expect(412);
    assert_eq!(sql.fingerprint_of(&world.org.id), before);

    let mut blocker = world.admin();
    blocker.run("BEGIN");
    let last = format!(
        "SELECT FROM chats WHERE org_id = '{}' ORDER BY chat_key DESC LIMIT 1 FOR UPDATE",
        world.org.id
    );
    blocker.run(&last);
    rest.delete(&path).await.expect(504);
    until("a part is deleted", async || {
        rest.delete(&path).await.expect(504);
        sql.count(&held) < 1000
    })
    .await;
    blocker.run("ROLLBACK");
    assert_ne!(sql.count(&held), 0);
    rest.get(&path).await.expect(200);

    let keyed = rest.with("idempotency-key", "delete");
    until("the rest is deleted", async || keyed.delete(&path).await.status == 204).await;
    keyed.delete(&path).await.expect(204);
    rest.delete(&path).await.expect(404);
    for table in ["chats", "session_chats", "messages"] {
        assert_eq!(sql.count(&format!("{table} WHERE org_id = '{}'", world.org.id)), 0, "{table}");
    }
}

/// A message of a chat of its own.
fn message(at: usize) -> serde_json::Value {
    let message = json!({
        "id": format!("M{at}"), "chat": format!("15550{at:06}@c.us"), "fromMe": false, "timestamp": 1_737_976_000_000_i64});
    json!({"session": "15550108100", "message": message})
}

/// An incoming message of one of two hundred chats.
fn line(number: &str, at: usize) -> String {
    let chat = format!("1555010{:04}@c.us", at % 200);
    let message =
        json!({"id": format!("M{at}"), "chat": chat, "fromMe": false, "timestamp": 1_737_976_000_000_i64});
    json!({"session": number, "message": message}).to_string()
}
