//! Updates that wait for their chat.

use serde_json::{Value, json};

use super::{NUMBER, OTHER_NUMBER, TestOrg};
use crate::support::Cluster;

const GROUP: &str = "120363300000000001@g.us";
const PERSON: &str = "15550101001@c.us";

fn unread(count: i64) -> Value {
    json!({"unread": {"chat": PERSON, "count": count}})
}

fn read(second: i64) -> Value {
    json!({"read": {"chat": PERSON, "upTo": 1_737_976_000_000 + second * 1000}})
}

/// The state of one session's chat with that history, each event in a batch of its own.
async fn unread_after(events: &[Value]) -> Value {
    let inbox = TestOrg::new().await;
    for event in events {
        inbox.accept(std::slice::from_ref(event)).await;
    }
    inbox.row("SELECT unread FROM session_chats WHERE org_id = $org")["unread"].clone()
}

#[tokio::test]
async fn marks_of_a_chat_count_in_order_before_and_after_it() {
    let chat = || json!({"chat": {"jid": PERSON, "pinned": true}});
    let histories = [
        (vec![unread(4), read(3)], 0),
        (vec![read(3), unread(4)], 4),
        (vec![unread(4), read(3), unread(2)], 2),
        (vec![unread(2), unread(4), unread(3)], 4),
        (vec![read(3), unread(4), read(2)], 4),
        (vec![read(2), unread(4), read(3)], 0),
        (vec![unread(4), unread(0)], 0),
        (vec![unread(0), unread(4)], 4),
        (vec![read(3), unread(4), unread(0), unread(2)], 2),
        (vec![unread(4), unread(0), read(3)], 0),
    ];
    for (history, expected) in histories {
        for place in 0..=history.len() {
            let mut events = history.clone();
            events.insert(place, chat());
            assert_eq!(unread_after(&events).await, expected, "{events:?}");
        }
    }
}

#[tokio::test]
async fn withdrawn_mark_leaves_the_unread_messages() {
    let message =
        json!({"message": {"id": "A", "chat": PERSON, "fromMe": false, "timestamp": 1_737_976_000_000_i64}});
    assert_eq!(unread_after(&[message.clone(), unread(4)]).await, 4);
    assert_eq!(unread_after(&[message, unread(4), unread(0)]).await, 1);
}

#[tokio::test]
async fn last_of_several_failures_counts_before_and_after_its_message() {
    let failure = |kind: &str, at: i64, reason: Value| {
        let message = json!({"id": "A", "chat": PERSON});
        json!({"receipt": {"message": message, "kind": kind, "at": at, "reason": reason}})
    };
    let message = || json!({"message": {"id": "A", "chat": PERSON, "fromMe": true, "timestamp": 1000}});
    let database = Cluster::get().await.migrated_database().await;
    for kind in ["failed", "unknown"] {
        let failures = [
            failure(kind, 5000, Value::Null),
            failure(kind, 7000, Value::Null),
            failure(kind, 7000, json!("131026")),
            failure(kind, 6000, json!("131047")),
        ];
        for place in 0..=failures.len() {
            let inbox = TestOrg::on(&database).await;
            let mut events = failures.to_vec();
            events.insert(place, message());
            for event in &events {
                inbox.accept(std::slice::from_ref(event)).await;
            }
            let delivery = inbox.row("SELECT delivery FROM messages WHERE org_id = $org")["delivery"].clone();
            assert_eq!(
                (&delivery["failed_at"], &delivery["failure_reason"]),
                (&json!(7000), &json!("131026")),
                "{kind}, {place}"
            );
        }
    }
}

#[tokio::test]
async fn member_lists_of_one_instant_are_united() {
    let list = |members: Value| json!({"chat": {"jid": GROUP, "members": members, "updatedAt": 5000}});
    let other = "15550101002@c.us";
    let lists = [
        list(json!([{"id": PERSON, "isAdmin": true}, {"id": other}])),
        list(json!([{"id": PERSON}, {"id": "15550101003@c.us"}])),
    ];
    for [one, two] in [[0, 1], [1, 0]] {
        let inbox = TestOrg::new().await;
        inbox.accept(&[list(json!([{"id": other}]))]).await;
        inbox.accept(&[lists[one].clone()]).await;
        inbox.accept(&[lists[two].clone()]).await;
        let members =
            inbox.rows("SELECT contact_id, is_admin FROM chat_members WHERE org_id = $org ORDER BY 1");
        let expected = [(PERSON, true), (other, false), ("15550101003@c.us", false)];
        assert_eq!(members, expected.map(|(id, is_admin)| json!({"contact_id": id, "is_admin": is_admin})));
    }
}

#[tokio::test]
async fn member_change_survives_that_a_session_joins_its_group() {
    let inbox = TestOrg::new().await;
    let group = |session: &str| json!({"session": session, "chat": {"jid": GROUP, "name": "Team", "updatedAt": 1_737_976_000_000_i64}});
    inbox.accept(&[group(OTHER_NUMBER)]).await;
    // As if another writer had kept it right before the group was stored.
    let waiting = format!(
        "INSERT INTO waiting_updates (org_id, address, session_id, message_id, sender, kind, contact_id, at, value)
         SELECT org_id, '{GROUP}', session_id, '', '', 'member', '{PERSON}', '2025-01-27T11:06:40Z', '2'
         FROM sessions WHERE phone = '{NUMBER}' ON CONFLICT DO NOTHING"
    );
    inbox.database.sql().run_as(&inbox.org.to_string(), &waiting);
    inbox.accept(&[json!({"contact": {"id": PERSON, "name": "Asha Rao"}}), group(NUMBER)]).await;
    let member = inbox.row("SELECT contact_id, is_admin FROM chat_members WHERE org_id = $org");
    assert_eq!(member, json!({"contact_id": PERSON, "is_admin": true}));
    assert!(inbox.rows("SELECT 1 FROM waiting_updates WHERE org_id = $org").is_empty());
}
