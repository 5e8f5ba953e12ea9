//! An invalid event is rejected alone, and the error names the field.

use serde_json::{Value, json};
use switchboard::pb::ingest_json;

use super::{OTHER_NUMBER, SESSION, TestOrg};
use crate::support::until;

const CHAT: &str = "15550101001@s.whatsapp.net";

fn message(key: &str, value: Value) -> Value {
    let mut message =
        json!({"id": "3EB01", "chat": CHAT, "fromMe": false, "timestamp": 1_737_976_076_000_i64});
    message[key] = value;
    json!({ "message": message })
}

#[tokio::test]
async fn invalid_event_is_rejected_with_its_field() {
    let inbox = TestOrg::new().await;
    let many: Vec<Value> = (0..4097).map(|n| json!({"id": format!("1555{n:07}@c.us")})).collect();
    for (event, field) in [
        (message("body", json!("a\0b")), "message.body"),
        (message("body", json!("x".repeat(64 * 1024 + 1))), "message.body"),
        (message("chat", json!("somebody")), "message.chat"),
        (message("sender", json!("120363300000000001@g.us")), "message.sender"),
        (message("id", json!("")), "message.id"),
        (message("ack", json!("10")), "message.ack"),
        (message("pollInfo", json!({"question": "a\0b"})), "message.pollInfo"),
        (message("sentMessageId", json!("\0")), "message.sentMessageId"),
        (json!({"contact": {"id": CHAT, "color": "red"}}), "contact.color"),
        (json!({"contact": {"id": CHAT, "image": "javascript:alert(1)"}}), "contact.image"),
        (json!({"contact": {"id": CHAT, "image": "data:image/png;base64,AA"}}), "contact.image"),
        (json!({"contact": {"id": CHAT, "image": "https:///a"}}), "contact.image"),
        (json!({"contact": {"id": CHAT, "image": "https://a b"}}), "contact.image"),
        (json!({"chat": {"jid": CHAT, "image": "file:///etc/passwd"}}), "chat.image"),
        (json!({"chat": {"jid": CHAT, "type": "group"}}), "chat.type"),
        (json!({"chat": {"jid": "120363300000000001@g.us", "members": many}}), "chat.members"),
        (json!({"chat": {"jid": CHAT, "members": [{"id": CHAT}, {"id": CHAT}]}}), "chat.members[1].id"),
        (json!({"read": {"chat": "@", "upTo": 1}}), "read.chat"),
        // The year 2100.
        (json!({"read": {"chat": CHAT, "upTo": 4_102_444_800_000_i64}}), "read.upTo"),
        (json!({"address": {"lid": CHAT, "jid": CHAT}}), "address.lid"),
        (json!({"address": {"lid": "189412345678@lid", "jid": "189412345678@lid"}}), "address.jid"),
        (json!({"session": "15550109999", "address": {"lid": "189412345678@lid", "jid": CHAT}}), "session"),
        (json!({"session": "15550109999", "read": {"chat": CHAT, "upTo": 1}}), "session"),
        (json!({"read": {"chat": CHAT}}), "read.upTo"),
        (json!({"receipt": {"message": {"id": "A", "chat": CHAT}, "by": CHAT, "at": 1}}), "receipt.kind"),
        (json!({"receipt": {"message": {"id": "A", "chat": CHAT}, "kind": "read", "at": 1}}), "receipt.by"),
        (
            json!({"edit": {"message": {"id": "A", "chat": CHAT}, "body": "x".repeat(64 * 1024 + 1), "at": 1}}),
            "edit.body",
        ),
        (json!({"edit": {"body": "x", "at": 1}}), "edit.message"),
        (
            json!({"reaction": {"message": {"id": "A", "chat": "@"}, "by": CHAT, "emoji": "x", "at": 1}}),
            "reaction.message.chat",
        ),
        (
            json!({"reaction": {"message": {"id": "A", "chat": CHAT}, "by": CHAT, "emoji": "x".repeat(65), "at": 1}}),
            "reaction.emoji",
        ),
        (json!({"memberChange": {"chat": CHAT, "added": [], "at": 1}}), "memberChange.chat"),
        (
            json!({"memberChange": {"chat": "120363300000000001@g.us", "removed": ["x"], "at": 1}}),
            "memberChange.removed[0]",
        ),
        (
            json!({"memberChange": {"chat": "120363300000000001@g.us", "added": vec![CHAT; 4097], "at": 1}}),
            "memberChange",
        ),
        (json!({"session": "nobody", "read": {"chat": CHAT, "upTo": 1}}), "session"),
    ] {
        let error = inbox.reject(event.clone()).await;
        assert_eq!(error.fields().first().map(|violation| violation.field.as_str()), Some(field), "{event}");
    }
    assert_eq!(inbox.rows("SELECT 1 FROM chats WHERE org_id = $org"), [] as [Value; 0]);
}

#[tokio::test]
async fn other_events_of_the_batch_are_stored() {
    let inbox = TestOrg::new().await;
    let outcomes = inbox
        .apply(&[
            message("body", json!("good")),
            message("body", json!("\0")),
            json!({"read": {"chat": CHAT, "upTo": 1}}),
        ])
        .await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(inbox.row("SELECT body FROM messages WHERE org_id = $org")["body"], "good");
}

#[tokio::test]
async fn event_rejected_by_the_database_is_isolated() {
    let inbox = TestOrg::new().await;
    inbox.database.admin().run("ALTER TABLE messages ADD CHECK (body <> 'bad')");
    let events: Vec<Value> = (0..20)
        .map(|n| {
            let body = if n % 7 == 3 { "bad" } else { "good" };
            let mut event = message("body", json!(body));
            event["message"]["id"] = json!(format!("3EB0{n}"));
            event
        })
        .collect();
    let rejected: Vec<usize> = inbox
        .apply(&events)
        .await
        .iter()
        .enumerate()
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(n, _)| n)
        .collect();
    assert_eq!(rejected, [3, 10, 17]);
    assert_eq!(inbox.rows("SELECT 1 FROM messages WHERE org_id = $org").len(), 17);
}

#[tokio::test]
async fn session_removed_during_a_batch_rejects_its_events() {
    let inbox = TestOrg::new().await;
    let events: Vec<Value> = (0..50)
        .map(|n| message("chat", json!(format!("155501010{n:02}@s.whatsapp.net"))))
        .chain([json!({"session": OTHER_NUMBER, "chat": {"jid": CHAT}})])
        .collect();
    let [mut sql, mut look] = [inbox.database.admin(), inbox.database.sql()];
    sql.run(&format!("BEGIN; DELETE FROM sessions WHERE session_id = '{SESSION}'"));
    let removing = async {
        until("it waits", async || look.count(inbox.database.waiting_for_rows()) > 0).await;
        sql.run("COMMIT");
    };
    let (outcomes, ()) = tokio::join!(inbox.apply(&events), removing);
    let (of_other, outcomes) = outcomes.split_last().expect("outcomes");
    assert!(of_other.is_ok(), "{of_other:?}");
    for outcome in outcomes {
        let error = outcome.as_ref().expect_err("a removed session");
        assert_eq!(error.fields().first().map(|violation| violation.field.as_str()), Some("session"));
    }
    assert_eq!(inbox.rows("SELECT 1 FROM session_chats WHERE org_id = $org").len(), 1);
}

#[test]
fn invalid_line_is_rejected_with_its_field() {
    for (line, field, message) in [
        (
            r#"{"session":"1","message":{"id":"1","chat":"2","fromMe":true,"timestamp":1,"bodi":""}}"#,
            "bodi",
            "is an unknown field",
        ),
        (r#"{"session":"1","read":{"chat":"2","upTo":"soon"}}"#, "read.upTo", "must be Unix milliseconds"),
        (r#"{"session":"1","read":{"chat":"2","upTo":-1}}"#, "read.upTo", "must be Unix milliseconds"),
        (r#"{"session":"1","read":{"chat":"2","chat":"2","upTo":1}}"#, "read", "duplicate field `chat`"),
        (
            r#"{"session":"1","receipt":{"message":{"id":"1","chat":"2"},"by":"3","kind":"seen","at":1}}"#,
            "receipt.kind",
            "must be one of sent, server, delivered, read, played, failed, unknown",
        ),
        (r#"{"session":"1"}"#, "event", "must have exactly one of"),
        (
            r#"{"session":"1","read":{"chat":"2","upTo":1},"contact":{"id":"1"}}"#,
            "event",
            "must have exactly one of",
        ),
        (r#"{"session":"1","reed":{}}"#, "reed", "is an unknown field"),
        (
            r#"{"session":"1","contact":{"id":"1","name":"\ud800"}}"#,
            "contact.name",
            "must not contain half of a surrogate pair",
        ),
        (
            r#"{"session":"1","contact":{"id":"1","name":"\ud800\u0041"}}"#,
            "contact.name",
            "must not contain half of a surrogate pair",
        ),
        (r#"{"session":"1","contact":{"id":"1"}} x"#, "event", "must be valid JSON; the error is at byte 38"),
        ("nonsense", "event", "event must be valid JSON; the error is at byte 2"),
        ("", "event", "event must be valid JSON"),
    ] {
        let error = ingest_json::read(line.as_bytes()).expect_err(line);
        let named = &error.field;
        assert!(named.ends_with(field), "{line}: {named}");
        let sentence = error.sentence(named);
        assert!(sentence.contains(message), "{line}: {sentence}");
    }
}

#[test]
fn message_without_from_me_is_incoming() {
    let line = r#"{"session":"1","message":{"id":"1","chat":"2","timestamp":1}}"#;
    let explicit = r#"{"session":"1","message":{"id":"1","chat":"2","fromMe":false,"timestamp":1}}"#;
    let read = |line: &str| ingest_json::read(line.as_bytes()).expect(line);
    assert_eq!(read(line), read(explicit));
}
