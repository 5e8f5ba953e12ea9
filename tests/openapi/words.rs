//! The words of the OpenAPI document, read as by someone who has never seen the service.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard::error::Kind;

use super::{operations, whole};

/// Every operation, those of webhooks too, with its place.
fn all(document: &Value) -> Vec<(&String, &Value)> {
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    let sent = webhooks.iter().map(|(name, item)| (name, &item["post"]));
    operations(document).into_iter().chain(sent).collect()
}

/// Every text under a key, with the path to it.
fn texts<'a>(value: &'a Value, key: &str, path: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}/{name}");
                if let Some(text) = member.as_str().filter(|_| name == key) {
                    found.push((path.clone(), text));
                }
                texts(member, key, &path, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, key, &format!("{path}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn operation_has_an_id_a_short_summary_and_a_described_tag() {
    let document = whole();
    let mut described = BTreeSet::new();
    for tag in document["tags"].as_array().expect("tags") {
        assert!(tag["description"].as_str().is_some_and(|text| text.ends_with('.')), "{tag}");
        described.insert(tag["name"].as_str().expect("a name"));
    }
    let mut used = BTreeSet::new();
    for (place, operation) in all(&document) {
        let text = |key: &str| operation[key].as_str().unwrap_or_default();
        assert!(text("operationId").chars().all(char::is_alphanumeric), "{place}");
        let words = text("summary").split(' ').count();
        assert!((2..=6).contains(&words), "{place}: {}", text("summary"));
        assert!(text("description").len() > 15, "{place}: {}", text("description"));
        let [tag] = operation["tags"].as_array().expect("tags").as_slice() else {
            panic!("{place}: one tag")
        };
        used.insert(tag.as_str().expect("a name"));
    }
    assert_eq!(used, described);
}

#[test]
fn parameters_properties_and_responses_are_described() {
    let document = whole();
    for (place, operation) in all(&document) {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let responses = operation["responses"].as_object().expect("responses").values();
        for described in parameters.iter().chain(responses).filter(|item| item.get("$ref").is_none()) {
            assert!(
                described["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{place}: {described}"
            );
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_envelope = name.ends_with("Error");
            assert!(is_envelope || schema["description"].is_string(), "{name}.{property} has no description");
        }
    }
}

#[test]
fn descriptions_have_statuses_and_no_codes_of_grpc() {
    let document = whole();
    let mut found = Vec::new();
    texts(&document, "description", "", &mut found);
    let codes = Kind::ALL.map(|kind| format!("{:?}", kind.row().code));
    // `NotFound` is written as `NOT_FOUND` in the proto files.
    let codes: BTreeSet<String> = codes.iter().map(|code| super::snake(code)).collect();
    let codes: BTreeSet<String> =
        codes.iter().map(|code| code.trim_start_matches('_').to_uppercase()).collect();
    assert!(codes.contains("NOT_FOUND"));
    for (path, text) in found {
        let mut words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
        assert!(!words.any(|word| codes.contains(word)), "{path}: {text}");
    }
}

#[test]
fn webhooks_describe_every_event_type_and_the_signature() {
    let document = whole();
    let described: BTreeSet<&str> =
        document["webhooks"].as_object().expect("webhooks").keys().map(String::as_str).collect();
    let kinds =
        &document["components"]["schemas"]["CreateWebhookBody"]["properties"]["actions"]["items"]["enum"];
    let kinds = kinds.as_array().expect("kinds").iter().filter_map(Value::as_str);
    let types = kinds.filter(|kind| kind.contains('.') && !kind.ends_with(".*")).collect();
    assert_eq!(described, types);
    let created = &document["webhooks"]["message.created"]["post"];
    let headers: Vec<_> = created["parameters"].as_array().expect("parameters").iter().collect();
    let names = headers.iter().map(|header| {
        let pointer = header["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        document.pointer(pointer.expect("a reference")).expect("a header")["name"].as_str().expect("a name")
    });
    let expected = ["Webhook", "Event", "Timestamp", "Signature"].map(|name| format!("X-Switchboard-{name}"));
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let body = &created["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["allOf"][0]["$ref"], "#/components/schemas/WebhookEvent");
    assert_eq!(body["example"]["type"], "message.created");
    assert!(body["example"]["message"]["body"].is_string());
}
