//! Updates that wait for their chat.

use serde_json::{Value, json};

use super::{NUMBER, OTHER_NUMBER, TestOrg};

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
