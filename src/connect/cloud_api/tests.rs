//! Webhooks in `tests/data/cloud_api/` and what becomes of them; signatures; and arbitrary events.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::config::Secret;
use crate::connect::gateway::{FollowUp, RawEvent};

const APP_SECRET: &str = "3c1f9e0b7a5d4c2e8f6a1b0d9c7e5f3a";

pub(super) fn settings(url: &str) -> ConnectionSettings {
    ConnectionSettings {
        url: url.to_owned(),
        account: "1065".to_owned(),
        phone: "15550100400".parse().unwrap(),
        api_key: Secret::new("token"),
        webhook_secret: Secret::new(APP_SECRET),
        verify_token: Secret::new("verify me"),
        business_account: "2040".to_owned(),
    }
}

/// A webhook as Meta sends it: characters beyond ASCII are escaped.
fn request(webhook: &Value) -> InboundRequest {
    let text = webhook.to_string();
    let escaped = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let body: String = text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
    signed(body.into_bytes())
}

fn signed(body: Vec<u8>) -> InboundRequest {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, &body);
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature-256", format!("sha256={digits}").parse().unwrap());
    InboundRequest { query: String::new(), headers, body: Some(body.into()), at: Instant::now() }
}

fn received(request: &InboundRequest) -> Vec<RawEvent> {
    match receive::receive(&settings("https://graph.facebook.com"), request) {
        Ok(Received::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

fn shown(event: &RawEvent) -> Value {
    let mut shown =
        Map::from_iter([("key".to_owned(), json!(event.key)), ("chat".to_owned(), json!(event.chat))]);
    if let Some(account) = &event.account {
        shown.insert("account".to_owned(), json!(account));
    }
    let mapped = map::map(&settings("https://graph.facebook.com"), &event.body);
    let Mapped { events, follow_ups, ignored } =
        mapped.unwrap_or_else(|error| panic!("{}: {error}", event.key));
    assert_eq!(ignored.is_empty(), !(events.is_empty() && follow_ups.is_empty()), "{}", event.key);
    let events = events.iter().map(|event| {
        let mut event = serde_json::to_value(event).unwrap();
        for name in ["session", "sequence"] {
            event.as_object_mut().unwrap().remove(name);
        }
        event
    });
    shown.insert("events".to_owned(), events.collect());
    let follow_ups: Vec<_> = follow_ups.iter().map(follow_up).collect();
    for (name, value) in [("follow_ups", json!(follow_ups)), ("ignored", json!(ignored))] {
        if value != json!([]) && value != json!("") {
            shown.insert(name.to_owned(), value);
        }
    }
    Value::Object(shown)
}

fn follow_up(follow_up: &FollowUp) -> Value {
    match follow_up {
        FollowUp::Media(media) => json!({"media": {
            "chat": media.chat, "message_id": media.message_id, "from_me": media.from_me, "locator": media.locator,
            "mime_type": media.mime_type, "file_name": media.file_name, "sha256": media.sha256,
        }}),
        FollowUp::Accepted { send, message_id } => {
            json!({"accepted": {"send": send.to_string(), "message_id": message_id}})
        }
        FollowUp::Receipt { send, receipt } => {
            json!({"receipt": {"send": send.to_string(), "receipt": serde_json::to_value(receipt).unwrap()}})
        }
        FollowUp::State(state) => json!({"state": [format!("{:?}", state.status), state.reason]}),
        FollowUp::Lookup(lookup) => json!({"lookup": format!("{lookup:?}")}),
        FollowUp::Sync => json!("sync"),
    }
}

/// Set `SWITCHBOARD_WRITE_GOLDENS` to write what becomes of the webhooks, and read the difference before you commit it.
#[test]
fn webhooks_become_the_expected_events() {
    let write = std::env::var_os("SWITCHBOARD_WRITE_GOLDENS").is_some();
    for name in ["messages", "people", "statuses", "coexistence", "account"] {
        let path = format!("{}/tests/data/cloud_api/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let mut cases: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for case in &mut cases {
            let events: Vec<_> = received(&request(&case["webhook"])).iter().map(shown).collect();
            if write {
                case["raw_events"] = events.into();
            } else {
                assert_eq!(json!(events), case["raw_events"], "{}", case["name"]);
            }
        }
        if write {
            std::fs::write(&path, serde_json::to_vec_pretty(&cases).unwrap()).unwrap();
        }
    }
}

#[test]
fn signature_covers_the_bytes_as_received() {
    let good = signed(br#"{"object":"x","text":"\u00e4\ud83d\ude2e"}"#.to_vec());
    assert_eq!(received(&good).len(), 1);
    let with = |body: &str, header: Option<&str>| {
        let mut request = good.clone();
        request.body = Some(Bytes::from(body.to_owned()));
        request.headers.clear();
        if let Some(header) = header {
            request.headers.insert("x-hub-signature-256", header.parse().unwrap());
        }
        receive::receive(&settings(""), &request).map(|_| ()).map_err(|refused| refused.status.as_u16())
    };
    let valid = good.headers["x-hub-signature-256"].to_str().unwrap().to_owned();
    let escaped = r#"{"object":"x","text":"\u00e4\ud83d\ude2e"}"#;
    assert_eq!(with(escaped, Some(&valid)), Ok(()));
    for (body, header) in [
        (r#"{"object":"x","text":"ä😮"}"#, Some(valid.as_str())),
        (escaped, None),
        (escaped, Some("sha256=")),
        (escaped, Some(&valid[7..])),
        (escaped, Some(&valid[..valid.len() - 2])),
        (escaped, Some(&valid.replace("sha256", "sha1"))),
        (escaped, Some("sha256=zz")),
    ] {
        assert_eq!(with(body, header), Err(401), "{body} {header:?}");
    }
    for body in ["[]", "x", "", "\u{0}"] {
        let request = signed(body.as_bytes().to_vec());
        let refused = receive::receive(&settings(""), &request).unwrap_err();
        assert_eq!(refused.status.as_u16(), 400, "{body}");
    }
    let unsigned = ConnectionSettings { webhook_secret: Secret::new(""), ..settings("") };
    assert!(receive::receive(&unsigned, &good).is_err());
}

#[test]
fn verification_repeats_the_challenge() {
    let verify = |query: &str| {
        let at = Instant::now();
        let request = InboundRequest { query: query.to_owned(), headers: HeaderMap::new(), body: None, at };
        receive::receive(&settings(""), &request).map_err(|refused| refused.status.as_u16())
    };
    let challenge = Ok(Received::Challenge("1158201444".to_owned()));
    assert_eq!(verify("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify%20me"), challenge);
    assert_eq!(verify("hub.verify_token=verify+me&hub%2Emode=subscribe&hub.challenge=1158201444"), challenge);
    for (query, status) in [
        ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=other", 401),
        ("hub.mode=subscribe&hub.challenge=1", 401),
        ("", 401),
        ("hub.challenge=1&hub.verify_token=verify+me", 400),
        ("hub.mode=subscribe&hub.verify_token=verify+me", 400),
        ("hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=verify+me", 400),
    ] {
        assert_eq!(verify(query), Err(status), "{query}");
    }
}

#[test]
fn repeated_webhooks_have_the_same_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cloud_api/messages.json");
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let batch = &cases.iter().find(|case| case["name"] == "batch").unwrap()["webhook"];
    let keys =
        |webhook: &Value| received(&request(webhook)).into_iter().map(|event| event.key).collect::<Vec<_>>();
    let mut other = batch.clone();
    let changes = other["entry"][0]["changes"].as_array_mut().unwrap();
    changes.reverse();
    changes[1]["value"]["contacts"] = json!([]);
    let mut others = keys(&other);
    others.rotate_left(1);
    assert_eq!(keys(batch), others);
}

/// JSON of any shape whose names are those of webhooks.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9._+-]{0,12}".prop_map(Value::from),
        prop::sample::select(VALUES.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, |inner| {
        let names = prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

const VALUES: [&str; 16] = [
    "text",
    "image",
    "audio",
    "contacts",
    "system",
    "edit",
    "revoke",
    "reaction",
    "interactive",
    "1760000000",
    "1065",
    "15550101844",
    "US.1349",
    "wamid.HBgLMTU1NTAxMDE4NDQ=",
    "failed",
    "group",
];
const NAMES: [&str; 30] = [
    "entry",
    "changes",
    "field",
    "value",
    "metadata",
    "phone_number_id",
    "contacts",
    "wa_id",
    "user_id",
    "messages",
    "message_echoes",
    "statuses",
    "history",
    "threads",
    "state_sync",
    "id",
    "from",
    "to",
    "type",
    "timestamp",
    "text",
    "body",
    "image",
    "edit",
    "message",
    "original_message_id",
    "context",
    "system",
    "status",
    "errors",
];

proptest! {
    #[test]
    fn arbitrary_webhooks_never_panic(webhook in arbitrary_json(), event in arbitrary_json()) {
        let settings = settings("https://graph.facebook.com");
        for raw in split::split(&webhook, &settings.account) {
            let _ = map::map(&settings, &raw.body);
        }
        let wrapped = json!({"entry": [{"changes": [{"field": "messages", "value": event}]}]});
        for raw in split::split(&wrapped, &settings.account) {
            let _ = map::map(&settings, &raw.body);
        }
        let _ = map::map(&settings, &event);
        let _ = map::map(&settings, &json!({"field": "messages", "value": event}));
    }
}
