//! Linking a LID to a phone number merges their chats.

mod merge;
mod order;
mod phones;
mod race;

use serde_json::{Value, json};
use switchboard::error::Kind;

use super::{OTHER_NUMBER, TestOrg};

const PHONE: &str = "15550101001@c.us";
const LID: &str = "189412345001@lid";
const OTHER_LID: &str = "189412345002@lid";
const GROUP: &str = "120363300000000001@g.us";

fn link(lid: &str) -> Value {
    json!({"address": {"lid": lid, "jid": PHONE}})
}

fn message(chat: &str, id: &str, second: i64) -> Value {
    json!({"message": {"id": id, "chat": chat, "fromMe": false, "timestamp": 1_737_976_000_000 + second * 1000}})
}

fn read(chat: &str, second: i64) -> Value {
    json!({"read": {"chat": chat, "upTo": 1_737_976_000_000 + second * 1000}})
}

impl TestOrg {
    /// Every address and its chat.
    fn addresses(&self) -> Vec<(String, String)> {
        let rows = self.rows(
            "SELECT address, chat_id FROM chat_addresses JOIN chats USING (org_id, chat_key)
             WHERE org_id = $org ORDER BY 1",
        );
        let text = |row: &Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
        rows.iter().map(|row| (text(row, "address"), text(row, "chat_id"))).collect()
    }

    fn column(&self, query: &str) -> Vec<Value> {
        let first = |row: Value| row.as_object().and_then(|row| row.values().next().cloned());
        self.rows(query).into_iter().filter_map(first).collect()
    }
}

fn both() -> Vec<(String, String)> {
    [PHONE, LID].map(|address| (address.to_owned(), PHONE.to_owned())).to_vec()
}

#[tokio::test]
async fn link_moves_the_chat_of_a_lid_to_the_phone_number() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message(LID, "A", 1), json!({"contact": {"id": LID, "name": "Asha"}})]).await;
    let before = inbox.column("SELECT id FROM session_chats WHERE org_id = $org");
    inbox.accept(&[link(LID)]).await;
    assert_eq!(inbox.addresses(), both());
    assert_eq!(inbox.column("SELECT id FROM session_chats WHERE org_id = $org"), before);
    let contact = inbox.row("SELECT contact_id, name FROM contacts WHERE org_id = $org");
    assert_eq!(contact, json!({"contact_id": PHONE, "name": "Asha"}));
    // Later events for either address go to that chat.
    inbox.accept(&[message(LID, "B", 2), message(PHONE, "C", 3), link(LID)]).await;
    assert_eq!(inbox.row("SELECT unread FROM session_chats WHERE org_id = $org")["unread"], 3);
}

#[tokio::test]
async fn link_without_a_chat_applies_to_a_later_chat() {
    for chat in [LID, PHONE] {
        let inbox = TestOrg::new().await;
        inbox.accept(&[link(LID)]).await;
        assert!(inbox.addresses().is_empty());
        inbox.accept(&[message(chat, "A", 1), json!({"contact": {"id": LID, "name": "Asha"}})]).await;
        assert_eq!(inbox.addresses(), both(), "{chat}");
        let contact = inbox.row("SELECT contact_id, name FROM contacts WHERE org_id = $org");
        assert_eq!(contact, json!({"contact_id": PHONE, "name": "Asha"}));
    }
}

#[tokio::test]
async fn removed_chat_returns_under_both_addresses() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[link(LID), message(LID, "A", 1)]).await;
    inbox.database.sql().run_as(&inbox.org.to_string(), "DELETE FROM chats");
    inbox.accept(&[message(PHONE, "B", 2)]).await;
    assert_eq!(inbox.addresses(), both());
}

#[tokio::test]
async fn merge_of_two_chats_keeps_everything() {
    let inbox = TestOrg::new().await;
    inbox
        .accept(&[
            message(LID, "A", 1),
            message(LID, "B", 2),
            message(PHONE, "B", 2),
            message(PHONE, "C", 3),
            message(LID, "D", 4),
            read(LID, 1),
            json!({"receipt": {"message": {"id": "C", "chat": LID}, "by": PHONE, "kind": "read", "at": 9}}),
            json!({"receipt": {"message": {"id": "E", "chat": LID}, "by": PHONE, "kind": "read", "at": 9}}),
            json!({"chat": {"jid": LID, "name": "Hidden", "image": "https://pictures.acme.example/lid.png", "archived": true, "pinned": true,
                "members": [{"id": LID, "isAdmin": true}]}}),
            json!({"chat": {"jid": PHONE, "name": "Asha", "archived": false}}),
            json!({"session": OTHER_NUMBER, "chat": {"jid": LID, "pinned": true}}),
        ])
        .await;
    let body = |chat: &str, body: &str, version: i64| {
        let mut event = message(chat, "B", 2);
        event["message"]["body"] = json!(body);
        event["message"]["updatedAt"] = json!(version);
        event
    };
    inbox.accept(&[body(LID, "edited", 20), body(PHONE, "first", 10)]).await;
    inbox.accept(&[link(LID)]).await;

    assert_eq!(inbox.addresses(), both());
    let ids = inbox.column("SELECT message_id FROM messages WHERE org_id = $org ORDER BY 1");
    assert_eq!(ids, ["A", "B", "C", "D"]);
    assert_eq!(
        inbox.row("SELECT body FROM messages WHERE org_id = $org AND message_id = 'B'")["body"],
        "edited"
    );
    assert_eq!(inbox.row("SELECT ack FROM messages WHERE org_id = $org AND message_id = 'C'")["ack"], 4);
    assert_eq!(inbox.column("SELECT message_id FROM waiting_updates WHERE org_id = $org"), ["E"]);
    let held = inbox.rows(
        "SELECT phone, archived, pinned, unread, latest_message_id FROM session_chats
         JOIN sessions USING (org_id, session_id) WHERE org_id = $org ORDER BY phone",
    );
    // The phone number's chat was explicitly not archived; pinned was only set on the LID's; the other session only had the LID's.
    assert_eq!(
        held,
        [
            json!({"phone": "15550100400", "archived": false, "pinned": true, "unread": 3, "latest_message_id": "D"}),
            json!({"phone": OTHER_NUMBER, "archived": false, "pinned": true, "unread": null, "latest_message_id": null}),
        ]
    );
    assert_eq!(
        inbox.row("SELECT name, image FROM chats WHERE org_id = $org"),
        json!({"name": "Asha", "image": "https://pictures.acme.example/lid.png"})
    );
    assert_eq!(
        inbox.row("SELECT contact_id, is_admin FROM chat_members WHERE org_id = $org"),
        json!({"contact_id": PHONE, "is_admin": true})
    );
}

#[tokio::test]
async fn merge_joins_inbox_data_and_prefers_the_phone_number() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message(LID, "A", 1), message(PHONE, "B", 2)]).await;
    let org = inbox.org.to_string();
    inbox.database.sql().run_as(
        &org,
        &format!(
            "INSERT INTO members (org_id, member_key, email, role)
                 SELECT '{org}', m, m, 'member' FROM unnest('{{a@acme.example,b@acme.example}}'::text[]) m
                 ON CONFLICT DO NOTHING;
             INSERT INTO labels (org_id, label_id, name, label_key)
                 SELECT '{org}', 'label-' || repeat(l, 16), l, l FROM unnest('{{a,b,c}}'::text[]) l
                 ON CONFLICT DO NOTHING;
             INSERT INTO properties (org_id, property_id, name, kind)
                 SELECT '{org}', 'property-' || repeat(p, 16), p, 'text' FROM unnest('{{a,b}}'::text[]) p
                 ON CONFLICT DO NOTHING;
             INSERT INTO chat_labels SELECT '{org}', chat_key, 'label-' || repeat(l, 16)
                 FROM chats, unnest('{{a,b,c}}'::text[]) l
                 WHERE l = 'b' OR (l = 'a') = (chat_id LIKE '%@lid') ON CONFLICT DO NOTHING;
             INSERT INTO chat_properties SELECT '{org}', chat_key, property_id, to_jsonb(chat_id)
                 FROM chats JOIN properties p USING (org_id) WHERE p.name = 'b' OR chat_id LIKE '%@lid'
                 ON CONFLICT DO NOTHING;
             INSERT INTO chat_access SELECT '{org}', chat_key, member_key, chat_id LIKE '%@lid'
                 FROM chats JOIN members USING (org_id) WHERE member_key LIKE 'a%' OR chat_id LIKE '%@lid'
                 ON CONFLICT DO NOTHING;
             UPDATE chats SET assignee = 'a@acme.example', hubspot_metadata = '{{\"x\": 1, \"y\": 1}}'
                 WHERE chat_id LIKE '%@lid';
             UPDATE chats SET hubspot_metadata = '{{\"y\": 2}}' WHERE chat_id LIKE '%@c.us'"
        ),
    );
    inbox.accept(&[link(LID)]).await;
    let labels = inbox.column(
        "SELECT name FROM chat_labels JOIN labels USING (org_id, label_id) WHERE org_id = $org ORDER BY 1",
    );
    assert_eq!(labels, ["a", "b", "c"]);
    let properties = inbox.column(
        "SELECT value FROM chat_properties JOIN properties USING (org_id, property_id)
         WHERE org_id = $org ORDER BY name",
    );
    assert_eq!(properties, [LID, PHONE]);
    let access = inbox.column("SELECT allowed FROM chat_access WHERE org_id = $org ORDER BY member_key");
    assert_eq!(access, [false, true]);
    assert_eq!(
        inbox.row("SELECT assignee, hubspot_metadata FROM chats WHERE org_id = $org"),
        json!({"assignee": "a@acme.example", "hubspot_metadata": {"x": 1, "y": 2}})
    );
}

#[tokio::test]
async fn member_listed_by_lid_and_phone_is_stored_once() {
    let inbox = TestOrg::new().await;
    let group = |ids: &[(&str, bool)]| {
        let members = ids.iter().map(|(id, is_admin)| json!({"id": id, "isAdmin": is_admin}));
        json!({"chat": {"jid": GROUP, "members": members.collect::<Vec<_>>()}})
    };
    let stored = || inbox.rows("SELECT contact_id, is_admin FROM chat_members WHERE org_id = $org");
    let only = |is_admin: bool| [json!({"contact_id": PHONE, "is_admin": is_admin})];
    inbox.accept(&[group(&[(LID, false)])]).await;
    inbox.accept(&[link(LID)]).await;
    assert_eq!(stored(), only(false));
    inbox.accept(&[group(&[(PHONE, true), (LID, false)])]).await;
    assert_eq!(stored(), only(true));
}

#[tokio::test]
async fn phone_number_may_have_several_lids() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message(LID, "A", 1), message(OTHER_LID, "B", 2), message(PHONE, "C", 3)]).await;
    inbox.accept(&[link(LID), link(OTHER_LID)]).await;
    assert_eq!(inbox.addresses().len(), 3);
    let held = inbox.row("SELECT unread, latest_message_id FROM session_chats WHERE org_id = $org");
    assert_eq!(held, json!({"unread": 3, "latest_message_id": "C"}));
}

#[tokio::test]
async fn link_to_a_second_phone_number_is_rejected() {
    let inbox = TestOrg::new().await;
    let other = json!({"address": {"lid": LID, "jid": "15550101002@c.us"}});
    for events in [&[link(LID), other.clone()][..], std::slice::from_ref(&other)] {
        let error = inbox.apply(events).await.pop().expect("an outcome").expect_err("a rejection");
        assert_eq!(
            (error.kind(), error.fields()[0].field.as_str()),
            (Kind::FailedPrecondition, "address.lid")
        );
    }
    inbox.accept(&[message(LID, "A", 1)]).await;
    assert_eq!(inbox.addresses(), both());
}

#[tokio::test]
async fn merged_chat_stays_marked_unread() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message(LID, "A", 1), message(PHONE, "B", 2), read(LID, 9), read(PHONE, 9)]).await;
    inbox.database.sql().run_as(
        &inbox.org.to_string(),
        "UPDATE session_chats s SET unread = 1, min_unread = 1 FROM chats c
         WHERE c.org_id = s.org_id AND c.chat_key = s.chat_key AND c.chat_id LIKE '%@lid'",
    );
    inbox.accept(&[link(LID)]).await;
    assert_eq!(inbox.row("SELECT unread FROM session_chats WHERE org_id = $org")["unread"], 1);
}
