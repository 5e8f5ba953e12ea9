//! Notes of chats: written, listed, changed and deleted by the team, and seen by who sees the chat.

use serde_json::{Value, json};
use switchboard::pb::WatchChatsRequest;

use super::logins::Frontend;
use crate::support::{Chat, Rest, World};
use crate::watch::{next_change, watch};

async fn write(caller: &Rest, chat: &Chat, text: &str) -> Value {
    let body = json!({"chat_id": chat.id, "message": text}).to_string();
    caller.json("POST", "/v1/note/create", body).await.expect(200).json()["data"].clone()
}

fn path(note: &Value) -> String {
    format!("/v1/note/{}", note["message_id"].as_str().expect("an id"))
}

/// The texts of a list.
async fn texts(caller: &Rest, list: &str) -> Vec<String> {
    let page = caller.get(list).await.expect(200).json();
    let notes = page["notes"].as_array().expect("notes");
    assert_eq!(page["to"].as_u64(), Some(notes.len() as u64), "{page}");
    assert!(page["count"].as_u64().is_none_or(|count| count >= notes.len() as u64), "{page}");
    notes.iter().map(|note| note["body"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn note_is_written_listed_changed_and_deleted() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Asha").await);
    let mut watch = watch(&world, WatchChatsRequest::default()).await;
    let first = write(&rest, &chat, "Calls back").await;
    let second = write(&rest, &chat, "Prefers mornings").await;
    let key = world.org.key.split('_').nth(1).expect("an id");
    assert_eq!(first["performed_by"], format!("key:{key}"));
    assert_eq!((&first["is_private_note"], &first["media"]), (&json!(true), &Value::Null));
    assert_eq!(first["org_phone"], format!("{}@c.us", world.org.numbers[0]));
    let list = format!("{}/notes", chat.path);
    assert_eq!(texts(&rest, &list).await, ["Prefers mornings", "Calls back"]);
    assert_eq!(texts(&rest, "/v1/note").await, ["Prefers mornings", "Calls back"]);
    assert_eq!(texts(&rest, &format!("{list}?limit=1")).await, ["Prefers mornings"]);
    assert!(texts(&rest, "/v1/note?end_time=2020-01-01").await.is_empty());
    assert_eq!(rest.get("/v1/note?offset=1&limit=1").await.expect(200).json()["from"], 2);
    let without_count = rest.get("/v1/note?skip_count=true").await.expect(200).json();
    assert_eq!(without_count["count"], Value::Null);

    let got = rest.get(path(&first)).await.expect(200);
    assert_eq!(got.json(), first);
    let etag = got.header("etag").to_owned();
    let changed = rest.patch(path(&first), json!({"message": "Called back"})).await.expect(200);
    assert_eq!(changed.json()["body"], "Called back");
    assert!(changed.json()["updated_at"].as_str() > first["updated_at"].as_str());
    let stale = rest.with("if-match", etag.clone());
    stale.patch(path(&first), json!({"message": "Lost"})).await.expect(412);
    stale.delete(path(&first)).await.expect(412);
    rest.delete(path(&second)).await.expect(204);
    rest.get(path(&second)).await.expect(404);
    assert_eq!(texts(&rest, &list).await, ["Called back"]);

    let field = |note: &Value| format!("notes.{}", note["message_id"].as_str().expect("an id"));
    for (kind, note, before, after) in [
        ("note.created", &first, None, Some("Calls back")),
        ("note.created", &second, None, Some("Prefers mornings")),
        ("note.updated", &first, Some("Calls back"), Some("Called back")),
        ("note.deleted", &second, Some("Prefers mornings"), None),
    ] {
        let change = next_change(&mut watch).await;
        assert_eq!((change.r#type.as_str(), change.action.as_str()), (kind, "note"));
        let [only] = change.changes.as_slice() else { panic!("{change:?}") };
        let text = |value: &Option<prost_types::Value>| match value.clone().and_then(|value| value.kind) {
            Some(prost_types::value::Kind::StringValue(text)) => Some(text),
            _ => None,
        };
        assert_eq!(only.field, field(note));
        assert_eq!((text(&only.previous).as_deref(), text(&only.current).as_deref()), (before, after));
    }
}

#[tokio::test]
async fn unchanged_text_is_no_event_and_text_is_checked() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Asha").await);
    let note = write(&rest, &chat, "Same").await;
    let events = world.sql().count("events");
    let same = rest.patch(path(&note), json!({"message": "Same"})).await.expect(200).json();
    assert_eq!(same, note);
    assert_eq!(world.sql().count("events"), events);
    for text in [String::new(), "x".repeat(16385), "a\u{0}b".to_owned()] {
        let body = json!({"chat_id": chat.id, "message": text}).to_string();
        let answer = rest.json("POST", "/v1/note/create", body).await.expect(422);
        assert!(answer.text().contains("message"), "{}", answer.text());
        rest.patch(path(&note), json!({"message": text})).await.expect(422);
    }
    let missing = json!({"chat_id": "15550109999@c.us", "message": "hello"}).to_string();
    rest.json("POST", "/v1/note/create", missing).await.expect(404);
    rest.get("/v1/chats/15550109999@c.us/notes").await.expect(404);
    let unknown = rest.with("x-phone", "15550109998");
    for list in ["/v1/note".to_owned(), path(&note), format!("{}/notes", chat.path)] {
        unknown.get(list).await.expect(404);
    }
}

#[tokio::test]
async fn only_its_author_or_a_manager_changes_a_note() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let chat = world.chat("Asha").await;
    let member = |email: &str| {
        let claims = json!({"email": email});
        world.anonymous().token(&frontend.token(&world.org.id, "member", claims))
    };
    let (agent, second) = (member("Agent@acme.example"), member("second@acme.example"));
    let note = write(&agent, &chat, "Mine").await;
    assert_eq!(note["performed_by"], "agent@acme.example");
    assert_eq!(texts(&second, &format!("{}/notes", chat.path)).await, ["Mine"]);
    for other in [&second, &world.rest()] {
        other.patch(path(&note), json!({"message": "Theirs"})).await.expect(403);
        other.delete(path(&note)).await.expect(403);
    }
    agent.patch(path(&note), json!({"message": "Still mine"})).await.expect(200);
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    manager.patch(path(&note), json!({"message": "Managed"})).await.expect(200);
    agent.delete(path(&note)).await.expect(204);
    let reader = world.anonymous().token(&world.key("read").await);
    let body = json!({"chat_id": chat.id, "message": "hello"}).to_string();
    reader.json("POST", "/v1/note/create", body).await.expect(403);
}

#[tokio::test]
async fn notes_of_hidden_and_foreign_chats_do_not_exist() {
    let frontend = Frontend::new();
    let world = frontend.world().await;
    let (shown, hidden) = (world.chat("Shown").await, world.chat("Hidden").await);
    let (rest, email) = (world.rest(), "agent@acme.example");
    let seen = write(&rest, &shown, "Seen").await;
    let secret = write(&rest, &hidden, "Secret").await;
    let body = json!({"chat_ids": [hidden.id], "access": {email: false}});
    rest.patch("/v1/chats/access", body).await.expect(204);
    let token = frontend.token(&world.org.id, "member", json!({"email": email}));
    let limited = world.limited_key("read,send,manage", &world.org.sessions[1..]);
    for (caller, texts_seen) in [
        (world.anonymous().token(&token), vec!["Seen"]),
        (world.anonymous().token(&limited), vec![]),
        (world.anonymous().token(&world.other.key), vec![]),
    ] {
        assert_eq!(texts(&caller, "/v1/note").await, texts_seen);
        caller.get(format!("{}/notes", hidden.path)).await.expect(404);
        caller.get(path(&secret)).await.expect(404);
        caller.patch(path(&secret), json!({"message": "hello"})).await.expect(404);
        caller.delete(path(&secret)).await.expect(404);
    }
    let second = rest.with("x-phone", world.org.numbers[1].as_str());
    assert!(texts(&second, "/v1/note").await.is_empty());
    second.get(path(&seen)).await.expect(404);
}

#[tokio::test]
async fn limited_key_has_the_notes_of_its_sessions_only() {
    let world = World::start().await;
    let [foreign, shared, own] =
        [world.chat("Foreign").await, world.chat("Shared").await, world.chat("Own").await];
    let session = &world.org.sessions[1];
    let held =
        |chat: &Chat| json!({"session": world.org.numbers[1], "chat": {"jid": chat.jid, "type": "dm"}});
    world.import(&world.org, &[held(&shared), held(&own)]);
    world.rest().delete(&own.session_path).await.expect(204);
    let rest = world.rest();
    let secret = write(&rest, &foreign, "Secret").await;
    let known = write(&rest, &shared, "Known to both").await;
    write(&rest, &own, "Known to one").await;

    let key = world.limited_key("read,send,manage", std::slice::from_ref(session));
    let limited = world.anonymous().token(&key);
    let seen = limited.get("/v1/note").await.expect(200).json();
    assert_eq!((&seen["count"], seen.to_string().contains("Secret")), (&json!(2), false), "{seen}");
    assert_eq!(texts(&limited, "/v1/note").await, ["Known to one", "Known to both"]);
    assert_eq!(texts(&limited, &format!("{}/notes", own.path)).await, ["Known to one"]);
    assert_eq!(limited.get(path(&known)).await.expect(200).json()["body"], "Known to both");
    for hidden in [path(&secret), format!("{}/notes", foreign.path)] {
        limited.get(hidden).await.expect(404);
    }
    limited.patch(path(&secret), json!({"message": "hello"})).await.expect(404);
    limited.delete(path(&secret)).await.expect(404);
    let body = json!({"chat_id": foreign.id, "message": "hello"}).to_string();
    limited.json("POST", "/v1/note/create", body).await.expect(404);
    limited.with("x-phone", world.org.numbers[0].as_str()).get("/v1/note").await.expect(404);
    assert_eq!(texts(&rest, "/v1/note").await.len(), 3);
}

#[tokio::test]
async fn merged_chat_has_the_notes_of_both_and_a_deleted_chat_none() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Asha").await);
    let lid = "155501099887766@lid";
    let hidden = json!({"session": world.org.numbers[0], "chat": {"jid": lid, "type": "dm"}});
    world.import(&world.org, &[hidden]);
    write(&rest, &chat, "By phone").await;
    let body = json!({"chat_id": lid, "message": "By LID"}).to_string();
    rest.json("POST", "/v1/note/create", body).await.expect(200);
    let tie = json!({"session": world.org.numbers[0], "address": {"lid": lid, "jid": chat.jid}});
    world.import(&world.org, &[tie]);
    for spelling in [chat.path.clone(), format!("/v1/chats/{lid}")] {
        assert_eq!(texts(&rest, &format!("{spelling}/notes")).await, ["By LID", "By phone"]);
    }
    rest.delete(&chat.session_path).await.expect(204);
    assert_eq!(world.sql().count("notes"), 0);
}
