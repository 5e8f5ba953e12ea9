//! The mapper against one file of events for each engine.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::event;
use crate::config::Secret;
use crate::connect::gateway::{FollowUp, Lookup, Mapped};
use crate::connect::settings::ConnectionSettings;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::Event;

/// Settings of a connection.
pub(super) fn settings() -> ConnectionSettings {
    ConnectionSettings {
        url: "http://waha.acme.example:3000".to_owned(),
        account: "default".to_owned(),
        phone: "15550100400".parse().unwrap(),
        api_key: Secret::new("key"),
        webhook_secret: Secret::new("my-secret-key"),
        verify_token: Secret::new(""),
        business_account: String::new(),
    }
}

/// What an event becomes, as the files have it.
fn outcome(event: &Value) -> Value {
    match event::map(&settings(), event) {
        Err(problem) => json!({ "error": problem }),
        Ok(Mapped { ignored, .. }) if !ignored.is_empty() => json!({ "ignored": ignored }),
        Ok(mapped) => {
            let tasks: Vec<_> = mapped.follow_ups.iter().map(task).collect();
            let events = serde_json::to_value(&mapped.events).unwrap();
            if tasks.is_empty() {
                json!({ "events": events })
            } else {
                json!({ "events": events, "tasks": tasks })
            }
        }
    }
}

fn task(task: &FollowUp) -> Value {
    match task {
        FollowUp::Lookup(Lookup::Lid(lid)) => json!({ "lid": lid }),
        FollowUp::Lookup(Lookup::Group(group)) => json!({ "group": group }),
        FollowUp::Media(media) => json!({ "media": {
            "chat": media.chat, "message": media.message_id, "fromMe": media.from_me, "author": media.author,
            "locator": media.locator, "mimeType": media.mime_type, "fileName": media.file_name, "size": media.size,
            "sha256": media.sha256,
        } }),
        FollowUp::Sync => json!("sync"),
        FollowUp::State(state) => json!({ "status": state.status.as_str_name(), "reason": state.reason }),
        FollowUp::Accepted { .. } => json!("accepted"),
        FollowUp::Receipt { .. } => json!("receipt"),
    }
}

/// With `BLESS=1`, writes what the events become instead, to be reviewed.
#[test]
fn events_of_every_engine_become_their_golden_events() {
    for engine in ["webjs", "wpp", "noweb", "gows"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/waha/{engine}.json"));
        let mut cases: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(cases.len() > 5, "{engine}");
        if std::env::var_os("BLESS").is_some() {
            for case in &mut cases {
                case["becomes"] = outcome(&case["event"]);
            }
            std::fs::write(&path, serde_json::to_string_pretty(&cases).unwrap() + "\n").unwrap();
        }
        for case in &cases {
            let found = outcome(&case["event"]);
            assert_eq!(found, case["becomes"], "{engine}: {}\n{found:#}", case["name"]);
        }
    }
}

#[test]
fn session_leaves_a_group_under_either_spelling_of_its_number() {
    let settings = ConnectionSettings { phone: "5511900000001".parse().unwrap(), ..settings() };
    for (id, is_own) in
        [("5511900000001@c.us", true), ("551100000001@s.whatsapp.net", true), ("15550101001@c.us", false)]
    {
        let payload = json!({
            "type": "leave", "group": { "id": "120363300000000001@g.us" }, "participants": [{ "id": id }],
        });
        let event = json!({
            "event": "group.v2.participants", "timestamp": 1_760_000_000_123_i64, "payload": payload,
        });
        let mapped = event::map(&settings, &event).unwrap();
        let has_left = |event: &IngestEvent| matches!(&event.event, Some(Event::Chat(chat)) if chat.exited == Some(true));
        assert_eq!(mapped.events.iter().any(has_left), is_own, "{id}");
    }
}

/// JSON with the names that the mapper reads.
fn any_json() -> impl Strategy<Value = Value> {
    let names = "payload|id|timestamp|_data|message|Message|key|Info|type|ack|from|participant|reaction|text|vote|poll|group\
        |participants|media|location|vCards|replyTo|protocolMessage|editedMessage|status|body|reactions|[a-z]{1,4}";
    let texts = prop_oneof![
        Just("false_15550101844@c.us_3EB0AA".to_owned()),
        Just("false_120363300000000001@g.us_3EB0AA_5566@lid".to_owned()),
        Just("120363300000000001@g.us".to_owned()),
        Just("1760000000".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(names, inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn mapper_takes_any_json(
        name in "message\\.any|message\\.ack|message\\.reaction|message\\.edited|message\\.revoked|chat\\.archive|group\\.v2\\.join\
            |group\\.v2\\.update|group\\.v2\\.participants|poll\\.vote|call\\.received|session\\.status|other",
        payload in any_json(),
    ) {
        let _ = event::map(&settings(), &json!({ "event": name, "timestamp": 1_760_000_000_123_i64, "payload": payload }));
        let _ = event::map(&settings(), &payload);
    }
}
