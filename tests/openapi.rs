//! The OpenAPI documents describe exactly the annotated routes.

#![allow(clippy::expect_used, reason = "a helper of a test fails the test")]

mod demo;
mod words;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use prost_reflect::{DescriptorPool, Value as Reflected};
use serde_json::Value;
use switchboard::error::Kind;
use switchboard::pb;
use switchboard::pb::openapi::{APIS, WHOLE};
use switchboard::rest::MEDIA;

use crate::support::{ROOT, python_tool};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn whole() -> Value {
    serde_json::from_str(WHOLE).expect("JSON")
}

fn document(api: &str) -> Value {
    let api = APIS.iter().find(|known| known.name == api).expect("an API");
    serde_json::from_str(api.document).expect("JSON")
}

fn snake(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'A'..='Z' => format!("_{}", letter.to_ascii_lowercase()),
        other => other.to_string(),
    });
    letters.collect()
}

/// `(method, path)` of every annotation, read independently of the code under test.
fn annotated(service: Option<&str>) -> BTreeSet<(String, String)> {
    let pool = DescriptorPool::decode(pb::DESCRIPTORS).expect("descriptors");
    let http = pool.get_extension_by_name("google.api.http").expect("the annotation");
    let mut routes = BTreeSet::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = method.options();
        let other = service.is_some_and(|name| method.parent_service().full_name() != name);
        if other || !options.has_extension(&http) {
            continue;
        }
        let first = options.get_extension(&http).into_owned();
        let more = first
            .as_message()
            .and_then(|rule| rule.get_field_by_name("additional_bindings"))
            .map(|rules| rules.into_owned());
        let more = more.as_ref().and_then(Reflected::as_list).unwrap_or_default().to_vec();
        for rule in [first].into_iter().chain(more) {
            let rule = rule.as_message().expect("a rule").clone();
            let pattern = METHODS.iter().find(|verb| rule.has_field_by_name(verb)).expect("an HTTP method");
            let path = rule.get_field_by_name(pattern).expect("a path");
            routes.insert(((*pattern).to_owned(), path.as_str().expect("text").to_owned()));
        }
    }
    routes
}

/// `(method, path)` of the routes that no RPC serves.
fn without_rpc() -> BTreeSet<(String, String)> {
    BTreeSet::from([("get".to_owned(), format!("{MEDIA}{{media_id}}"))])
}

/// `(method, path)` of every operation, variables spelled as in the proto.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().expect("operations").keys().cloned();
        methods.map(|method| (method, snake(path)))
    });
    operations.collect()
}

fn operations(document: &Value) -> Vec<(&String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| item.as_object().expect("item").values().map(move |op| (path, op)))
        .collect()
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn document_describes_exactly_the_annotated_routes_and_others() {
    let all: BTreeSet<_> = annotated(None).union(&without_rpc()).cloned().collect();
    assert_eq!(described(&whole()), all);
    let apis: [(&str, &[&str]); 2] =
        [("chat", &["Chat", "Message", "Note"]), ("session", &["Caller", "Connection", "Session"])];
    for (api, nouns) in apis {
        let services = nouns.iter().map(|noun| format!("switchboard.v1.{noun}Service"));
        let annotated: Vec<_> = services.map(|service| annotated(Some(&service))).collect();
        assert!(annotated.iter().all(|routes| !routes.is_empty()));
        let others = without_rpc().into_iter().filter(|_| api == "chat");
        assert_eq!(described(&document(api)), annotated.into_iter().flatten().chain(others).collect());
    }
    let routes: usize = APIS.iter().map(|api| described(&document(api.name)).len()).sum();
    assert_eq!(routes, all.len());
}

/// A route beside these is to be described in `crates/proto/build/media.rs`, unless it is for browsers or operators.
#[test]
fn routes_beside_the_transcoder_are_known() {
    let source = std::fs::read_to_string(Path::new(ROOT).join("src/server/protocols.rs")).expect("a file");
    let routes = source.lines().filter_map(|line| line.trim().strip_prefix("(Protocol::Rest, "));
    let routes: Vec<_> = routes.filter_map(|route| Some(route.split_once(" =>")?.0)).collect();
    let media = "path) if media::is_media(path)";
    assert_eq!(routes, ["\"/livez\")", "\"/readyz\")", media, "_)"]);
}

#[test]
fn errors_equal_the_error_table() {
    let document = whole();
    let words = |schema: &str| {
        let words = document.pointer(&format!("/components/schemas/{schema}/enum")).expect("words");
        words.as_array().expect("a list").iter().filter_map(Value::as_str).collect::<BTreeSet<_>>()
    };
    let rows = || Kind::ALL.into_iter().map(Kind::row);
    assert_eq!(words("FlatError/properties/code"), rows().map(|row| row.flat.0).collect());
    assert_eq!(words("FlatError/properties/name"), rows().map(|row| row.flat.1).collect());
    assert_eq!(words("NestedError/properties/error/properties/code"), rows().map(|row| row.nested).collect());
    for (name, response) in document["components"]["responses"].as_object().expect("responses") {
        let example = &response["content"]["application/json"]["example"];
        let is_listed = rows().any(|row| match example.get("error") {
            Some(error) => error["code"] == row.nested,
            // The chat API moves 400 to 422.
            None => {
                let status = if row.status == 400 { 422 } else { row.status.as_u16() };
                example["code"] == row.flat.0 && example["name"] == row.flat.1 && example["status"] == status
            }
        });
        assert!(is_listed, "{name}: {example}");
    }
}

#[test]
fn document_is_valid_openapi() {
    assert!(reads_the_document(python_tool("openapi-spec-validator").arg("-")));
}

#[test]
fn examples_match_their_schemas() {
    let script = Path::new(ROOT).join("tests/clients/python/examples.py");
    assert!(reads_the_document(python_tool("python").arg(script)));
}

/// Whether the command accepts the document on its standard input.
fn reads_the_document(command: &mut Command) -> bool {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("an installed command");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(whole().to_string().as_bytes()).expect("written");
    drop(input);
    child.wait().expect("an exit status").success()
}

#[test]
fn references_resolve() {
    let document = whole();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn operation_ids_are_unique_and_variables_are_parameters() {
    let document = whole();
    let operations = operations(&document);
    let ids =
        operations.iter().map(|(_, operation)| operation["operationId"].as_str()).collect::<BTreeSet<_>>();
    assert_eq!(ids.len(), operations.len());
    for (path, operation) in operations {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let declared = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared = declared.filter_map(|parameter| parameter["name"].as_str()).collect::<BTreeSet<_>>();
        let used = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect::<BTreeSet<_>>();
        assert_eq!(declared, used, "{path}");
    }
}

#[test]
fn responses_require_every_property_in_their_dialect() {
    let document = whole();
    let chat = &document["components"]["schemas"]["Chat"];
    let required = chat["required"].as_array().expect("required");
    assert_eq!(required.len(), chat["properties"].as_object().expect("properties").len());
    assert_eq!(chat["properties"]["chat_name"]["type"], serde_json::json!(["string", "null"]));
    assert_eq!(chat["properties"]["chat_id"]["type"], "string");
    let session_chat = &document["components"]["schemas"]["SessionChat"]["properties"];
    assert_eq!(session_chat["mutedUntil"]["type"], serde_json::json!(["integer", "null"]));
    assert!(session_chat.get("muted_until").is_none());
}

#[test]
fn patch_body_has_only_writable_properties() {
    let document = whole();
    let keys = |name: &str| {
        let body = &document["components"]["schemas"][name];
        assert!(body.get("required").is_none());
        body["properties"].as_object().expect("properties").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys("UpdateChatBody"), ["assigned_to", "custom_properties", "labels"]);
    assert_eq!(keys("UpdateSessionChatBody"), ["archived", "mutedUntil", "pinned", "unmute"]);
    let patch = &document["paths"]["/v1/chats/{chat_id}"]["patch"];
    assert_eq!(patch["requestBody"]["required"], true);
    let parameters = patch["parameters"].as_array().expect("parameters");
    assert!(parameters.iter().any(|parameter| parameter["in"] == "header" && parameter["name"] == "x-phone"));
    assert!(parameters.iter().all(|parameter| parameter["in"] != "query"));
}

#[test]
fn writes_accept_an_idempotency_key_and_reads_do_not() {
    let document = whole();
    let key = serde_json::json!({"$ref": "#/components/parameters/IdempotencyKey"});
    let reads = |path: &str, operation: &Value| document["paths"][path].get("get") == Some(operation);
    for (path, operation) in operations(&document) {
        let is_write = operation["security"][0]["bearer"][0] != "read" && !reads(path, operation);
        let parameters = operation["parameters"].as_array().expect("parameters");
        assert_eq!(parameters.contains(&key), is_write, "{path}");
        let responses = operation["responses"].as_object().expect("responses").iter();
        let good = responses.filter(|(status, _)| status.starts_with("20"));
        for (status, response) in good {
            let header = response["headers"].get("idempotency-replayed");
            assert_eq!(header.is_some(), is_write, "{path} {status}");
        }
    }
}

#[test]
fn errors_have_the_statuses_and_envelope_of_their_api() {
    let document = whole();
    let responses = &document["paths"]["/v1/chats/{chat_id}"]["patch"]["responses"];
    let statuses = responses.as_object().expect("responses").keys().map(String::as_str).collect::<Vec<_>>();
    let expected =
        ["200", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429", "500", "503", "504"];
    assert_eq!(statuses, expected);
    let deleted = &document["paths"]["/api/v1/sessions/{sessionId}/chats/{jid}"]["delete"]["responses"];
    assert!(deleted["204"].get("content").is_none());
    let missing = &document["components"]["responses"]["SessionNotFound"];
    let schema = &missing["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/NestedError");
}

#[test]
fn headers_are_described_where_they_are_read() {
    let document = whole();
    let has = |method: &str, path: &str, name: &str| {
        let parameter = serde_json::json!({"$ref": format!("#/components/parameters/{name}")});
        let operation = &document["paths"][path][method];
        operation["parameters"].as_array().expect("parameters").contains(&parameter)
    };
    let (chat, session_chat) = ("/v1/chats/{chat_id}", "/api/v1/sessions/{sessionId}/chats/{jid}");
    for (method, path, is_read) in [
        ("patch", chat.to_owned(), true),
        ("post", format!("{chat}/read"), true),
        ("post", format!("{session_chat}/read"), true),
        ("post", format!("{session_chat}/unread"), true),
        ("delete", session_chat.to_owned(), true),
        ("get", chat.to_owned(), false),
        ("post", "/api/v1/sessions".to_owned(), false),
    ] {
        assert_eq!(has(method, &path, "IfMatch"), is_read, "{method} {path}");
        let statuses = document["paths"][&path][method]["responses"].as_object().expect("responses");
        assert_eq!(statuses.contains_key("412"), is_read, "{method} {path}");
    }
    for path in ["/v1/chats:watch", "/api/v1/sessions/{sessionId}/chats:watch"] {
        assert!(has("get", path, "LastEventId"), "{path}");
    }
    assert!(!has("get", chat, "LastEventId"));
}
