//! Records of the organization and its own data of chats, as events.

use serde_json::{Value, json};

use super::{NUMBER, SESSION, TestOrg};

const CHAT: &str = "15550101001@c.us";

fn inbox(fields: Value) -> Value {
    let mut inbox = json!({"chat": CHAT});
    inbox.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    json!({ "inbox": inbox })
}

fn message(id: &str, second: i64) -> Value {
    json!({"message": {"id": id, "chat": CHAT, "fromMe": false, "timestamp": 1_737_976_000_000 + second * 1000}})
}

fn unread(count: i64) -> Value {
    json!({"unread": {"chat": CHAT, "count": count}})
}

impl TestOrg {
    async fn with_records() -> Self {
        let inbox = Self::new().await;
        inbox
            .accept(&[
                json!({"member": {"email": "Agent@acme.example", "name": "Arun", "role": "admin"}}),
                json!({"label": {"id": "label-aaaaaaaaaaaaaaaa", "name": "VIP", "color": "#1FA2B3", "createdAt": 7000}}),
                json!({"property": {"id": "property-aaaaaaaaaaaaaaaa", "name": "stage", "kind": "dropdown",
                    "options": ["new", "won"]}}),
                json!({"property": {"name": "note", "kind": "text"}}),
            ])
            .await;
        inbox
    }

    fn unread_count(&self) -> Value {
        self.row("SELECT unread FROM session_chats WHERE org_id = $org")["unread"].clone()
    }
}

#[tokio::test]
async fn existing_records_stay_as_they_are() {
    let inbox = TestOrg::with_records().await;
    let before = inbox.database.sql().fingerprint();
    inbox
        .accept(&[
            json!({"session": NUMBER, "number": {"label": "Other"}}),
            json!({"session": "15550109999", "number": {"id": SESSION}}),
            json!({"member": {"email": "agent@acme.example", "name": "Other", "role": "member"}}),
            json!({"label": {"name": "vip", "color": "#000000"}}),
            json!({"label": {"id": "label-aaaaaaaaaaaaaaaa", "name": "Other"}}),
            json!({"property": {"name": "stage", "kind": "text"}}),
        ])
        .await;
    assert_eq!(inbox.database.sql().fingerprint(), before);
}

#[tokio::test]
async fn session_is_added_before_its_events_are_stored() {
    let inbox = TestOrg::new().await;
    let message = json!({"session": "15550109999", "message": {"id": "A", "chat": CHAT, "fromMe": true, "timestamp": 1}});
    inbox
        .accept(&[message, json!({"session": "15550109999", "number": {"label": "New", "createdAt": 5000}})])
        .await;
    let number =
        inbox.row("SELECT label, created_at FROM sessions WHERE org_id = $org AND phone = '15550109999'");
    assert_eq!(number, json!({"label": "New", "created_at": "1970-01-01T00:00:05+00:00"}));
}

#[tokio::test]
async fn inbox_event_changes_only_the_fields_it_has() {
    let inbox_of = TestOrg::with_records().await;
    let stored = || {
        inbox_of.row(
            "SELECT assignee, closed_at, hubspot_metadata,
                ARRAY(SELECT name FROM chat_labels JOIN labels USING (org_id, label_id) WHERE org_id = $org ORDER BY 1) AS labels,
                ARRAY(SELECT value FROM chat_properties JOIN properties USING (org_id, property_id)
                      WHERE org_id = $org ORDER BY name) AS values,
                (SELECT jsonb_object_agg(member_key, allowed) FROM chat_access WHERE org_id = $org) AS access
             FROM chats WHERE org_id = $org",
        )
    };
    let whole = inbox(json!({
        "assignedTo": "AGENT@acme.example", "labels": ["vip", "new"], "access": {"agent@acme.example": true},
        "customProperties": {"stage": "won", "note": "x"}, "closedAt": 5000, "hubspotMetadata": {"deal": 1},
    }));
    inbox_of.accept(&[message("A", 1), whole.clone()]).await;
    let mut expected = json!({
        "assignee": "agent@acme.example", "closed_at": "1970-01-01T00:00:05+00:00", "hubspot_metadata": {"deal": 1},
        "labels": ["VIP", "new"], "values": ["x", "won"], "access": {"agent@acme.example": true},
    });
    assert_eq!(stored(), expected);
    let before = inbox_of.database.sql().fingerprint();
    inbox_of.accept(&[whole]).await;
    assert_eq!(inbox_of.database.sql().fingerprint(), before, "a second event changed something");

    let less = inbox(
        json!({"labels": ["new"], "customProperties": {"note": null}, "access": {"agent@acme.example": false}}),
    );
    inbox_of.accept(&[less, inbox(json!({"closedAt": null}))]).await;
    expected["labels"] = json!(["new"]);
    expected["values"] = json!(["won"]);
    expected["access"] = json!({"agent@acme.example": false});
    expected["closed_at"] = Value::Null;
    assert_eq!(stored(), expected);
}

#[tokio::test]
async fn invalid_setup_event_is_rejected_with_its_field() {
    let inbox_of = TestOrg::with_records().await;
    let before = inbox_of.database.sql().fingerprint();
    let number = |fields: Value| json!({"session": "15550109999", "number": fields});
    for (event, field) in [
        (inbox(json!({"assignedTo": "nobody@acme.example"})), "inbox.assignedTo"),
        (inbox(json!({"access": {"nobody@acme.example": true}})), "inbox.access.nobody@acme.example"),
        (inbox(json!({"labels": ["a,b"]})), "inbox.labels"),
        (inbox(json!({"labels": (0..101).map(|n| n.to_string()).collect::<Vec<_>>()})), "inbox.labels"),
        (inbox(json!({"customProperties": {"stage": "lost"}})), "inbox.customProperties.stage"),
        (inbox(json!({"customProperties": {"other": "x"}})), "inbox.customProperties.other"),
        (inbox(json!({"hubspotMetadata": {"a": ["\0"]}})), "inbox.hubspotMetadata"),
        (json!({"inbox": {"chat": "somebody"}}), "inbox.chat"),
        (json!({"unread": {"chat": CHAT, "count": -1}}), "unread.count"),
        (json!({"session": "phone-abc", "number": {}}), "session"),
        (number(json!({"id": "x"})), "number.id"),
        (number(json!({"phoneId": "x"})), "number.phoneId"),
        (number(json!({"lid": CHAT})), "number.lid"),
        (number(json!({"label": "a\nb"})), "number.label"),
        (json!({"member": {"email": "x"}}), "member.email"),
        (json!({"member": {"email": "a@acme.example", "role": "boss"}}), "member.role"),
        (json!({"label": {"name": ""}}), "label.name"),
        (json!({"label": {"name": "a", "color": "red"}}), "label.color"),
        (json!({"label": {"name": "a", "id": "x"}}), "label.id"),
        (json!({"property": {"name": "a", "kind": "number"}}), "property.kind"),
        (json!({"property": {"name": "a", "kind": "dropdown"}}), "property.options"),
    ] {
        let error = inbox_of.reject(event.clone()).await;
        assert_eq!(error.fields().first().map(|violation| violation.field.as_str()), Some(field), "{event}");
    }
    assert_eq!(inbox_of.database.sql().fingerprint(), before);
}

#[tokio::test]
async fn chat_marked_unread_stays_unread_until_read() {
    let inbox = TestOrg::new().await;
    let read = |second: i64| json!({"read": {"chat": CHAT, "upTo": 1_737_976_000_000 + second * 1000}});
    inbox.accept(&[message("A", 1), read(1), unread(1)]).await;
    assert_eq!(inbox.unread_count(), 1);
    // The counted number is kept where it is greater.
    inbox.accept(&[message("B", 2), message("C", 3), unread(1)]).await;
    assert_eq!(inbox.unread_count(), 2);
    inbox.accept(&[read(2)]).await;
    assert_eq!(inbox.unread_count(), 1);
    inbox.accept(&[unread(5), read(3)]).await;
    assert_eq!(inbox.unread_count(), 0);
}

#[tokio::test]
async fn unread_count_of_zero_is_stored() {
    let inbox = TestOrg::new().await;
    inbox.accept(&[json!({"chat": {"jid": CHAT}})]).await;
    assert_eq!(inbox.unread_count(), Value::Null);
    inbox.accept(&[unread(0)]).await;
    assert_eq!(inbox.unread_count(), 0);
}
