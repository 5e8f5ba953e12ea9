//! Deleting a session, its chats, and shared data of chats that no other session holds.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use super::{SESSIONS, body, manager};
use crate::support::World;

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
        while sql.count(&stored) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rest.delete(format!("{SESSIONS}/{id}")).await.expect(204);
        importing.await.expect("no panic");
        for table in ["session_chats", "messages"] {
            assert_eq!(sql.count(&format!("{table} WHERE session_id = '{id}'")), 0, "{table}");
        }
        assert_eq!(sql.count("chats"), 0, "chats without a session");
    }
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

/// An incoming message of one of two hundred chats.
fn line(number: &str, at: usize) -> String {
    let chat = format!("1555010{:04}@c.us", at % 200);
    let message =
        json!({"id": format!("M{at}"), "chat": chat, "fromMe": false, "timestamp": 1_737_976_000_000_i64});
    json!({"session": number, "message": message}).to_string()
}
