//! The rules of ingest, one by one.

use serde_json::{Value, json};

use super::{NUMBER, SESSION, TestOrg, event};

const CHAT: &str = "15550101001@s.whatsapp.net";

fn message(id: &str, from_me: bool, second: i64) -> Value {
    json!({"message": {"id": id, "chat": CHAT, "fromMe": from_me, "timestamp": 1_737_976_000_000 + second * 1000}})
}

fn read(second: i64) -> Value {
    json!({"read": {"chat": CHAT, "upTo": 1_737_976_000_000 + second * 1000}})
}

impl TestOrg {
    fn unread(&self) -> Value {
        self.row("SELECT unread FROM session_chats WHERE org_id = $org")["unread"].clone()
    }

    fn latest(&self) -> Value {
        self.row("SELECT latest_message_id FROM session_chats WHERE org_id = $org")["latest_message_id"]
            .clone()
    }

    fn message(&self) -> Value {
        self.row("SELECT *, fts::text FROM messages WHERE org_id = $org")
    }
}

#[tokio::test]
async fn message_creates_its_chat_under_every_spelling() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message("A", true, 1)]).await;
    inbox
        .accept(&[
            json!({"session": SESSION, "chat": {"jid": "15550101001:7@s.whatsapp.net", "pinned": true}}),
        ])
        .await;
    let stored = inbox.row(
        "SELECT chat_id, address, type, pinned, contact_id FROM chats JOIN chat_addresses USING (org_id, chat_key)
         JOIN session_chats USING (org_id, chat_key) JOIN contacts USING (org_id) WHERE org_id = $org",
    );
    let id = "15550101001@c.us";
    assert_eq!(
        stored,
        json!({"chat_id": id, "address": id, "type": "user", "pinned": true, "contact_id": id})
    );
}

#[tokio::test]
async fn unread_count_is_unknown_before_any_incoming_message() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message("A", true, 1)]).await;
    assert_eq!(inbox.unread(), Value::Null);
    inbox.accept(&[read(1)]).await;
    assert_eq!(inbox.unread(), 0);
}

#[tokio::test]
async fn incoming_message_after_the_read_mark_counts_once() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message("A", false, 1), message("B", false, 2), message("C", true, 3)]).await;
    inbox.accept(&[message("A", false, 1)]).await;
    assert_eq!(inbox.unread(), 2);
    inbox.accept(&[read(1)]).await;
    assert_eq!(inbox.unread(), 1);
    // The mark only moves forward, and older messages count as read.
    inbox.accept(&[read(0), message("D", false, 1), message("E", false, 5)]).await;
    assert_eq!(inbox.unread(), 2);
    inbox.accept(&[read(9)]).await;
    assert_eq!(inbox.unread(), 0);
}

#[tokio::test]
async fn mark_as_unread_is_a_minimum_until_the_read_mark_moves() {
    let unread = |count: i64| json!({"unread": {"chat": CHAT, "count": count}});
    let silent = |id: &str| json!({"message": {"id": id, "chat": CHAT, "silent": true, "timestamp": 1_737_976_001_000_i64}});
    let histories = [
        (vec![unread(3), message("A", false, 1)], 3),
        (vec![message("A", false, 1), unread(3), message("B", false, 2)], 3),
        (vec![unread(1), message("A", false, 1), message("B", false, 2)], 2),
        (vec![message("A", false, 1), unread(1), message("B", false, 2), message("C", true, 3)], 2),
        (vec![unread(2), message("A", false, 1), silent("A")], 2),
        (vec![message("A", false, 1), message("B", false, 2), unread(1), silent("A")], 1),
        (vec![unread(0), message("A", true, 1)], 0),
        (vec![unread(3), message("A", false, 1), read(1), message("B", false, 2)], 1),
    ];
    for (events, expected) in histories {
        let inboxes = (TestOrg::new().await, TestOrg::new().await);
        // The first events create the chat.
        let with_chat = [&[json!({"chat": {"jid": CHAT, "pinned": true}})], &events[..]].concat();
        inboxes.0.accept(&with_chat).await;
        for event in &with_chat {
            inboxes.1.accept(std::slice::from_ref(event)).await;
        }
        assert_eq!(
            (inboxes.0.unread(), inboxes.1.unread()),
            (expected.into(), expected.into()),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn latest_message_is_the_newest_then_the_last_to_arrive() {
    let inbox = TestOrg::new().await;
    inbox
        .accept(&[
            message("B", false, 5),
            message("C", false, 5),
            message("A", true, 5),
            message("D", true, 4),
        ])
        .await;
    assert_eq!(inbox.latest(), "A");
}

#[tokio::test]
async fn receipt_is_kept_until_its_message_arrives() {
    let inbox = TestOrg::new().await;
    let receipt = |kind: &str, at: i64| json!({"receipt": {"message": {"id": "A", "chat": CHAT}, "by": CHAT, "kind": kind, "at": at}});
    inbox.accept(&[receipt("read", 1_737_976_090_690), receipt("delivered", 1_737_976_082_277)]).await;
    inbox.accept(&[json!({"deleteMessage": {"message": {"id": "A", "chat": CHAT}}})]).await;
    inbox.accept(&[message("A", true, 1)]).await;
    let stored = inbox.message();
    let by = "15550101001@c.us";
    assert_eq!(stored["ack"], 4);
    assert_eq!(
        stored["delivery"],
        json!({"delivered": {by: 1_737_976_082_277_i64}, "read": {by: 1_737_976_090_690_i64}, "pending": []})
    );
    assert_eq!(stored["details"], json!({"is_deleted": true}));
    assert!(inbox.rows("SELECT 1 FROM waiting_updates WHERE org_id = $org").is_empty());
    // Later receipts of lower or equal rank change nothing.
    inbox.accept(&[receipt("sent", 1_737_976_099_000), receipt("read", 1_737_976_099_000)]).await;
    assert_eq!(inbox.message(), stored);
}

#[tokio::test]
async fn newer_version_wins_field_by_field() {
    let inbox = TestOrg::new().await;
    let version = |body: Option<&str>, kind: Option<&str>, ack: &str, updated_at: i64| {
        let mut event = message("A", true, 1);
        event["message"]["ack"] = json!(ack);
        event["message"]["updatedAt"] = json!(updated_at);
        body.into_iter().for_each(|body| event["message"]["body"] = json!(body));
        kind.into_iter().for_each(|kind| event["message"]["type"] = json!(kind));
        event
    };
    inbox.accept(&[version(Some("edited"), None, "2", 30)]).await;
    inbox.accept(&[version(Some("first"), Some("chat"), "3", 10)]).await;
    inbox.accept(&[version(None, Some("revoked"), "1", 20)]).await;
    let stored = inbox.message();
    assert_eq!(
        (&stored["body"], &stored["type"], &stored["ack"]),
        (&json!("edited"), &json!("revoked"), &json!(3))
    );
}

#[tokio::test]
async fn absent_field_is_kept_and_null_clears() {
    let inbox = TestOrg::new().await;
    let chat = |fields: Value| {
        let mut chat = json!({"jid": CHAT});
        chat.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        json!({ "chat": chat })
    };
    let stored = || {
        inbox.row(
        "SELECT name, image, archived, muted_until FROM chats JOIN session_chats USING (org_id, chat_key) WHERE org_id = $org",
    )
    };
    inbox
        .accept(&[chat(json!({"name": "Asha", "image": "https://i", "archived": true, "mutedUntil": 0}))])
        .await;
    inbox.accept(&[chat(json!({"name": null})), chat(json!({"mutedUntil": null}))]).await;
    assert_eq!(stored(), json!({"name": null, "image": "https://i", "archived": true, "muted_until": null}));
}

#[tokio::test]
async fn list_of_members_replaces_the_stored_one() {
    let inbox = TestOrg::new().await;
    let group = "120363300000000001@g.us";
    let list = |ids: &[&str]| {
        let members: Vec<Value> = ids.iter().map(|id| json!({"id": format!("1555010{id}@c.us")})).collect();
        json!({"chat": {"jid": group, "members": members}})
    };
    let stored = || -> Vec<Value> {
        let rows = inbox.rows("SELECT contact_id FROM chat_members WHERE org_id = $org ORDER BY 1");
        rows.into_iter().map(|row| row["contact_id"].clone()).collect()
    };
    inbox.accept(&[list(&["1001", "1002"])]).await;
    inbox.accept(&[list(&["1003", "1002"]), json!({"chat": {"jid": group, "name": "Team"}})]).await;
    assert_eq!(stored(), ["15550101002@c.us", "15550101003@c.us"]);
    inbox.accept(&[list(&[])]).await;
    assert!(stored().is_empty());
}

#[tokio::test]
async fn only_a_change_moves_updated_at() {
    let inbox = TestOrg::new().await;
    let chat = json!({"chat": {"jid": CHAT, "name": "Asha", "updatedAt": 1_737_976_090_696.758, "members": [{"id": CHAT}]}});
    inbox.accept(std::slice::from_ref(&chat)).await;
    let stored = || inbox.row("SELECT updated_at FROM chats WHERE org_id = $org")["updated_at"].clone();
    assert_eq!(stored(), "2025-01-27T11:08:10.696758+00:00");
    inbox.accept(&[chat, message("A", false, 1)]).await;
    assert_eq!(stored(), "2025-01-27T11:08:10.696758+00:00");
    inbox.accept(&[json!({"chat": {"jid": CHAT, "name": "Asha Rao"}})]).await;
    assert!(stored().as_str() > Some("2025-02"));
}

#[tokio::test]
async fn older_version_of_one_field_leaves_updated_at() {
    let at = |second: i64| 1_737_976_000_000 + second * 1000;
    let events = [
        json!({"chat": {"jid": CHAT, "name": "Asha", "updatedAt": at(5)}}),
        json!({"chat": {"jid": CHAT, "type": "business", "updatedAt": at(3)}}),
        json!({"inbox": {"chat": CHAT, "hubspotMetadata": {"deal": 1}, "updatedAt": at(4)}}),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let inboxes = (TestOrg::new().await, TestOrg::new().await);
        inboxes.0.accept(&order.map(|place| events[place].clone())).await;
        for place in order {
            inboxes.1.accept(std::slice::from_ref(&events[place])).await;
        }
        for inbox in [inboxes.0, inboxes.1] {
            let stored = inbox.row("SELECT updated_at FROM chats WHERE org_id = $org");
            assert_eq!(stored, json!({"updated_at": "2025-01-27T11:06:45+00:00"}), "{order:?}");
        }
    }
}

#[tokio::test]
async fn newest_status_of_a_session_is_kept() {
    let inbox = TestOrg::new().await;
    let status = |status: &str, at: i64| json!({"status": {"status": status, "at": at}});
    inbox.accept(&[status("connected", 2000), status("logged_out", 3000)]).await;
    inbox.accept(&[status("connecting", 1000)]).await;
    let query =
        format!("SELECT status, last_connected_at FROM sessions WHERE org_id = $org AND phone = '{NUMBER}'");
    assert_eq!(
        inbox.row(&query),
        json!({"status": "logged_out", "last_connected_at": "1970-01-01T00:00:02+00:00"})
    );
}

#[tokio::test]
async fn every_key_of_a_message_is_stored() {
    let inbox = TestOrg::new().await;
    let details = json!({
        "author": CHAT, "broadcast": false, "broadcastId": "b", "deviceType": "android", "duration": "12",
        "flagMetadata": {"by": "x"}, "flagResponseTime": 5, "flagStatus": true, "forwardingScore": 2, "from": CHAT,
        "hasMedia": true, "hasQuotedMsg": true, "hasReaction": false, "inviteV4": {"code": "c"}, "isDeleted": false,
        "isEphemeral": true, "isForwarded": true, "isGif": false, "isStarred": true, "isStatus": false,
        "links": [{"link": "https://acme.example"}], "location": {"lat": 1.5}, "media": {"size": 1}, "mediaKey": "k",
        "mentionedIds": [CHAT], "messageTicketId": "t", "orderId": "o", "performedBy": "agent@acme.example",
        "pollInfo": {"q": "?"}, "pollResults": [1], "prevBody": "p", "quotedMessageId": "q", "rawData": {"r": null},
        "sentMessageId": "s", "to": CHAT, "token": "tok", "vcards": ["v"],
    });
    let mut whole = message("A", true, 1);
    whole["message"]
        .as_object_mut()
        .expect("an object")
        .extend(details.as_object().expect("an object").clone());
    inbox.accept(std::slice::from_ref(&whole)).await;
    let stored = inbox.message()["details"].clone();
    assert_eq!(stored.as_object().map(serde_json::Map::len), details.as_object().map(serde_json::Map::len));
    assert_eq!((&stored["invite_v4"], &stored["flag_response_time"]), (&json!({"code": "c"}), &json!(5)));

    // The event is written in the same form in which it was read.
    whole["session"] = json!(NUMBER);
    assert_eq!(serde_json::to_value(event(&whole)).expect("JSON"), whole);
}
