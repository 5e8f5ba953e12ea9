//! Bodies: media types, PATCH, and the JSON of responses.

use std::collections::BTreeMap;

use super::stub::{Answer, Protocol};
use http::StatusCode;
use prost_types::{Struct, Timestamp, Value as Any, value::Kind};
use serde_json::{Value, json};
use switchboard::pb::{Chat, SessionChat, UpdateChatRequest, UpdateSessionChatRequest};

const CHAT: &str = "/v1/chats/15550101844@c.us";
const SESSION_CHAT: &str = "/api/v1/sessions/01J9ZX8K2QHV0M3T6R7P4N5W8C/chats/15550102222@s.whatsapp.net";

fn patched_chat(body: &str) -> (Chat, Vec<String>) {
    let protocol = Protocol::new();
    let answer = protocol.patch(CHAT, body);
    assert_eq!(answer.status, StatusCode::OK, "{body}: {answer:?}");
    let UpdateChatRequest { chat_id, chat, update_mask } = protocol.seen().update_chat.unwrap();
    assert_eq!(chat_id, "15550101844@c.us");
    (chat.unwrap(), update_mask.unwrap().paths)
}

fn patched_session_chat(body: &str) -> (SessionChat, Vec<String>, Option<bool>) {
    let protocol = Protocol::new();
    let answer = protocol.patch(SESSION_CHAT, body);
    assert_eq!(answer.status, StatusCode::OK, "{body}: {answer:?}");
    let UpdateSessionChatRequest { chat, update_mask, unmute, .. } =
        protocol.seen().update_session_chat.unwrap();
    (chat.unwrap(), update_mask.unwrap().paths, unmute)
}

/// The invalid fields of a flat 422, with their messages.
fn rejected(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["code"], "VALIDATION_ERROR");
    let message = |field: &Value| field["message"].as_str().unwrap().to_owned();
    body["fields"].as_object().unwrap().iter().map(|(name, field)| (name.clone(), message(field))).collect()
}

fn rejection(body: &str) -> (String, String) {
    rejected(&Protocol::new().patch(CHAT, body)).pop_first().unwrap_or_else(|| panic!("{body}"))
}

#[test]
fn patch_distinguishes_absent_null_and_value() {
    assert_eq!(patched_chat("{}"), (Chat::default(), vec![]));
    assert_eq!(patched_chat(r#"{"assigned_to":null}"#), (Chat::default(), vec!["assigned_to".into()]));
    let chat = Chat { assigned_to: Some("agent@acme.example".into()), ..Chat::default() };
    assert_eq!(patched_chat(r#"{"assigned_to":"agent@acme.example"}"#), (chat, vec!["assigned_to".into()]));
}

#[test]
fn null_counts_as_absent_in_the_session_api() {
    let untouched = (SessionChat::default(), vec![], None);
    assert_eq!(patched_session_chat("{}"), untouched);
    assert_eq!(patched_session_chat(r#"{"archived":null,"mutedUntil":null,"unmute":null}"#), untouched);
    let (chat, mask, unmute) =
        patched_session_chat(r#"{"archived":false,"mutedUntil":"1751198400000","unmute":true}"#);
    assert_eq!((chat.archived, chat.pinned, chat.muted_until), (Some(false), None, Some(1_751_198_400_000)));
    assert_eq!((mask, unmute), (vec!["archived".to_owned(), "muted_until".to_owned()], Some(true)));
}

#[test]
fn empty_body_is_an_empty_patch() {
    for body in ["", "{}", " {} ", "\"\""] {
        assert_eq!(patched_chat(body), (Chat::default(), vec![]), "{body:?}");
    }
    assert_eq!(patched_session_chat("").1, Vec::<String>::new());
    let answer = Protocol::new().patch(SESSION_CHAT, "\"\"");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.json()["error"]["details"], json!({"body": "body must be an object"}));
}

#[test]
fn labels_are_accepted_as_string_or_list() {
    assert_eq!(patched_chat(r#"{"labels":"a, b"}"#).0.labels, ["a, b"]);
    assert_eq!(patched_chat(r#"{"labels":["a","b"]}"#).0.labels, ["a", "b"]);
    assert_eq!(
        patched_chat(r#"{"labels":""}"#),
        (Chat { labels: vec![String::new()], ..Chat::default() }, vec!["labels".into()])
    );
    assert_eq!(patched_chat(r#"{"labels":null}"#), (Chat::default(), vec!["labels".into()]));
    assert_eq!(rejection(r#"{"labels":["a",1]}"#), ("labels[1]".into(), "labels[1] must be a string".into()));
    assert_eq!(rejection(r#"{"labels":5}"#).1, "labels must be a string or an array of strings");
}

#[test]
fn null_inside_a_free_form_object_is_kept() {
    let (chat, mask) = patched_chat(r#"{"custom_properties":{"Colour":null,"Size":[1,{"a":true}]}}"#);
    let fields = chat.custom_properties.unwrap().fields;
    assert_eq!(fields["Colour"].kind, Some(Kind::NullValue(0)));
    assert!(matches!(fields["Size"].kind, Some(Kind::ListValue(_))));
    assert_eq!(mask, ["custom_properties"]);
    // PATCH merges the object key by key, so null has no safe meaning for the whole.
    assert_eq!(rejection(r#"{"custom_properties":null}"#).1, "custom_properties must be an object");
}

#[test]
fn patch_mask_comes_only_from_the_body() {
    for name in ["update_mask", "updateMask", "update_mask.paths"] {
        let (protocol, path) = (Protocol::new(), format!("{CHAT}?{name}=assigned_to"));
        let answer = protocol.patch(&path, r#"{"labels":"a"}"#);
        assert_eq!((answer.status, answer.header("x-ignored-fields")), (StatusCode::OK, Some(name)));
        assert_eq!(protocol.seen().update_chat.unwrap().update_mask.unwrap().paths, ["labels"]);
        let headers = [("content-type", "application/json"), ("prefer", "handling=strict")];
        assert!(rejected(&protocol.send("PATCH", &path, &headers, r#"{"labels":"a"}"#)).contains_key(name));
    }
}

#[test]
fn unknown_keys_are_ignored_and_listed() {
    let protocol = Protocol::new();
    let body = r#"{"chat_name":"x","members":{"a":{"b":1}},"assigned_to":"","a b":1}"#;
    let answer = protocol.patch(CHAT, body);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("x-ignored-fields"), Some("chat_name,members,a%20b"));
    assert_eq!(protocol.seen().update_chat.unwrap().chat.unwrap().chat_name, None);
    let headers = [("content-type", "application/json"), ("prefer", "handling=strict")];
    let fields = rejected(&protocol.send("PATCH", CHAT, &headers, body));
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["a b", "chat_name", "members"]);
    assert_eq!(protocol.send("PATCH", CHAT, &headers, r#"{"assigned_to":""}"#).status, StatusCode::OK);
}

#[test]
fn ignored_fields_header_is_limited() {
    let many: Vec<String> = (0..5000).map(|n| format!("\"{}{n}\":1", "é".repeat(3))).take(200).collect();
    let answer = Protocol::new().patch(CHAT, &format!("{{{}}}", many.join(",")));
    let names = answer.header("x-ignored-fields").unwrap();
    assert!(names.len() <= 1024 && names.ends_with(",..."), "{names}");
}

#[test]
fn either_spelling_of_a_name_is_accepted_but_not_both() {
    assert_eq!(patched_chat(r#"{"assignedTo":"x"}"#).1, ["assigned_to"]);
    assert_eq!(patched_session_chat(r#"{"muted_until":1}"#).0.muted_until, Some(1));
    assert_eq!(rejection(r#"{"assigned_to":"x","assignedTo":"y"}"#).1, "assigned_to is given twice");
}

#[test]
fn duplicate_key_is_rejected_at_every_level() {
    assert_eq!(rejection(r#"{"labels":"a","labels":"a"}"#).0, "labels");
    assert_eq!(rejection(r#"{"custom_properties":{"a":1,"a":1}}"#).0, "custom_properties.a");
    assert_eq!(rejection(r#"{"custom_properties":{"a":[{"b":1,"b":2}]}}"#).0, "custom_properties.a[0].b");
    assert_eq!(rejection(r#"{"unknown":1,"unknown":1}"#).0, "unknown");
    assert_eq!(rejection(r#"{"unknown":{"a":1,"a":1}}"#).0, "unknown.a");
}

#[test]
fn wrong_type_names_the_field_in_its_spelling() {
    assert_eq!(
        rejection(r#"{"assigned_to":5}"#),
        ("assigned_to".into(), "assigned_to must be a string".into())
    );
    assert_eq!(rejection(r#"{"custom_properties":[]}"#).1, "custom_properties must be an object");
    for (body, field) in [
        (r#"{"archived":"true"}"#, "archived"),
        (r#"{"mutedUntil":1.5}"#, "mutedUntil"),
        (r#"{"mutedUntil":"+5"}"#, "mutedUntil"),
        (r#"{"mutedUntil":"5 "}"#, "mutedUntil"),
        (r#"{"mutedUntil":true}"#, "mutedUntil"),
        (r#"{"mutedUntil":9223372036854775808}"#, "mutedUntil"),
        (r#"{"unmute":1}"#, "unmute"),
        ("[]", "body"),
        ("5", "body"),
        ("null", "body"),
    ] {
        let answer = Protocol::new().patch(SESSION_CHAT, body);
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(answer.json()["error"]["details"][field].is_string(), "{body}: {answer:?}");
    }
}

#[test]
fn invalid_json_is_rejected_without_parser_messages() {
    let deep = format!("{{\"custom_properties\":{}1{}}}", "{\"a\":".repeat(40), "}".repeat(40));
    let deepest = format!("{{\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    for body in ["{", "nonsense", "  ", "{}x", "{\"labels\":\"a\",}"] {
        assert_eq!(rejection(body), ("body".into(), "body is not valid JSON".into()), "{body}");
    }
    for (field, body) in [
        ("labels", r#"{"labels":"\ud800"}"#),
        ("labels", r#"{"labels":1e999}"#),
        ("assigned_to", r#"{"assigned_to":tru}"#),
    ] {
        assert_eq!(rejection(body), (field.into(), format!("{field} is not valid JSON")), "{body}");
    }
    // The path is cut off.
    assert_eq!(rejection(&deepest).0, format!("x{}", "[0]".repeat(15)));
    assert!(rejection(&deep).1.ends_with("is nested too deeply"));
    assert_eq!(rejection(r#"{"labels":"a\u0000"}"#).1, "labels must not have a NUL character");
    assert_eq!(rejection(r#"{"custom_properties":{"a":"\u0000"}}"#).0, "custom_properties.a");
    assert_eq!(rejection(r#"{"custom_properties":{"\u0000":1}}"#).0, "custom_properties");
    let mut request = http::Request::patch(CHAT).header("content-type", "application/json");
    request = request.header("content-length", "3");
    let answer = Protocol::new().call(request.body(axum::body::Body::from(&b"\"\xff\""[..])).unwrap());
    assert_eq!(rejected(&answer)["body"], "body must be UTF-8");
}

#[test]
fn other_media_types_return_415() {
    let protocol = Protocol::new();
    let send = |content_type: &str, body: &str| {
        protocol.send("PATCH", CHAT, &[("content-type", content_type)], body).status
    };
    for fine in ["application/json", "Application/JSON; Charset=UTF-8", "application/merge-patch+json"] {
        assert_eq!(send(fine, "{}"), StatusCode::OK, "{fine}");
    }
    for other in ["text/plain", "application/json; charset=latin1", "application/jsonx", ""] {
        assert_eq!(send(other, "{}"), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{other}");
        assert_eq!(send(other, ""), StatusCode::OK, "{other}");
    }
    let answer = protocol.send("PATCH", CHAT, &[], "{}");
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.json()["code"], "UNSUPPORTED_BODY_ERROR");
    let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
    assert_eq!(protocol.send("PATCH", CHAT, &twice, "{}").status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let compressed = [("content-type", "application/json"), ("content-encoding", "br")];
    let answer = protocol.send("PATCH", CHAT, &compressed, "{}");
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.json()["message"], "the content-encoding of the body is not supported");
}

#[test]
fn body_over_the_limit_returns_413() {
    let large = format!("{{\"labels\":\"{}\"}}", "x".repeat(5000));
    let answer = Protocol::new().patch(CHAT, &large);
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let announced = [("content-type", "application/json"), ("content-length", "5000")];
    assert_eq!(
        Protocol::new().send("PATCH", SESSION_CHAT, &announced, "{}").status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[test]
fn response_has_every_field() {
    let protocol = Protocol::new();
    let answer = protocol.get(SESSION_CHAT).json();
    let documented: Value = serde_json::from_str(include_str!("examples/session_chat.json")).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer), keys(&documented));
    assert_eq!(answer["mutedUntil"], Value::Null);
    let answer = protocol.get(CHAT).json();
    for documented in [include_str!("examples/chat_fetched.json"), include_str!("examples/chat_updated.json")]
    {
        let documented: Value = serde_json::from_str(documented).unwrap();
        for key in keys(&documented) {
            assert!(answer.get(&key).is_some(), "{key}");
        }
    }
    assert_eq!(
        (&answer["members"], &answer["labels"], &answer["latest_message"]),
        (&json!({}), &json!([]), &Value::Null)
    );
}

#[test]
fn times_and_numbers_are_written_as_documented() {
    let protocol = Protocol::new();
    let number = |number| Any { kind: Some(Kind::NumberValue(number)) };
    let numbers = [("whole", 3.0), ("half", 0.5), ("huge", 1e300), ("minus", -7.0), ("nan", f64::NAN)];
    *protocol.stub.chat.lock().unwrap() = Chat {
        created_at: Some(Timestamp { seconds: 1_737_211_863, nanos: 0 }),
        updated_at: Some(Timestamp { seconds: 1_737_976_090, nanos: 693_000_000 }),
        closed_at: Some(Timestamp { seconds: -1, nanos: 500_000_000 }),
        custom_properties: Some(Struct {
            fields: numbers.map(|(name, value)| (name.into(), number(value))).into(),
        }),
        chat_name: Some("\"\\\n\u{1}é".into()),
        member_count: i64::MAX,
        ..Chat::default()
    };
    let answer = protocol.get(CHAT);
    let body = answer.json();
    assert_eq!(body["created_at"], "2025-01-18T14:51:03+00:00");
    assert_eq!(body["updated_at"], "2025-01-27T11:08:10.693+00:00");
    assert_eq!(body["closed_at"], "1969-12-31T23:59:59.5+00:00");
    assert_eq!(body["chat_name"], "\"\\\n\u{1}é");
    assert_eq!(body["member_count"], i64::MAX);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains(r#"{"half":0.5,"huge":1e+300,"minus":-7,"nan":null,"whole":3}"#), "{text}");
}
