//! Invalid input through every protocol: never a 5xx, never a changed row, always the API's error envelope. The descriptors
//! list the routes and fields.

mod values;

use serde_json::{Value, json};

use super::rejected_calls::assert_envelope;
use super::samples::{Ids, request, rest, target_of};
use values::{bad_ids, body_fields, no_objects, wrong_values};

use crate::support::{Answer, Binding, Method, Protocol, World, frame, methods};

#[tokio::test]
async fn body_that_is_no_json_object_changes_nothing() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let ids = Ids::of(&world.org, chat);
    let key = world.key("read,send,ingest,manage").await;
    let before = world.sql().fingerprint();
    for (method, binding) in routes().iter().filter(|(_, binding)| !binding.body.is_empty()) {
        let (target, _) = rest(binding, &request(method, &ids));
        for body in no_objects() {
            // Not through the client: the service may respond and close before it has read a body that is too large.
            let caller = world.anonymous().token(&key).with("content-type", "application/json");
            let answer = caller.raw(&binding.method, target.as_bytes(), &body).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            assert!(
                answer.status == 422 || answer.status == 413,
                "{target} {start}: {} {}",
                answer.status,
                answer.text()
            );
            assert_envelope(&answer, &method.envelope, answer.status);
            assert_no_parser_words(&answer);
        }
        assert_eq!(world.sql().fingerprint(), before, "{target}");
    }
}

#[tokio::test]
async fn value_of_wrong_type_returns_422_with_field() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let ids = Ids::of(&world.org, chat);
    let key = world.key("read,send,ingest,manage").await;
    let before = world.sql().fingerprint();
    for (method, binding) in routes().iter().filter(|(_, binding)| !binding.body.is_empty()) {
        let (target, _) = rest(binding, &request(method, &ids));
        for field in body_fields(method, binding) {
            for spelling in [field.name(), field.json_name()] {
                for value in wrong_values(&field) {
                    let body = format!("{{\"{spelling}\": {value}}}");
                    let answer =
                        world.anonymous().token(&key).json(&binding.method, &target, body.clone()).await;
                    assert_envelope(&answer, &method.envelope, 422);
                    let name = if method.envelope == "FLAT" { field.name() } else { field.json_name() };
                    assert!(names_field(&answer, name), "{target} {body}: {}", answer.text());
                    assert_no_parser_words(&answer);
                }
            }
        }
        assert_eq!(world.sql().fingerprint(), before, "{target}");
    }
}

#[tokio::test]
async fn duplicate_json_key_returns_422() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let before = world.sql().fingerprint();
    let bodies = [
        (&chat.path, r#"{"labels": "a", "labels": "b"}"#, "labels"),
        (&chat.path, r#"{"assigned_to": null, "assignedTo": null}"#, "assigned_to"),
        (&chat.path, r#"{"custom_properties": {"note": "a", "note": "b"}}"#, "custom_properties.note"),
        (&chat.session_path, r#"{"pinned": true, "pinned": true}"#, "pinned"),
        (&chat.session_path, r#"{"muted_until": 1, "mutedUntil": 1}"#, "mutedUntil"),
        (&chat.session_path, r#"{"unmute": null, "unmute": true}"#, "unmute"),
    ];
    for (path, body, field) in bodies {
        let answer = world.rest().json("PATCH", path, body).await.expect(422);
        assert!(names_field(&answer, field), "{body}: {}", answer.text());
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn invalid_id_in_path_returns_422() {
    let world = World::start().await;
    let key = world.key("read,send,ingest,manage").await;
    let before = world.sql().fingerprint();
    let caller = world.anonymous().token(&key).with("content-type", "application/json");
    for (method, binding) in routes().iter().filter(|(_, binding)| binding.template.contains('{')) {
        for id in bad_ids() {
            let mut target = Vec::new();
            for piece in binding.template.split_inclusive('}') {
                let (literal, variable) = piece.split_once('{').map_or((piece, false), |(l, _)| (l, true));
                target.extend_from_slice(literal.as_bytes());
                target.extend_from_slice(if variable { &id } else { b"" });
            }
            let what = String::from_utf8_lossy(&target[..target.len().min(100)]).into_owned();
            let answer = caller.raw(&binding.method, &target, b"{}").await;
            assert!(
                (400..500).contains(&answer.status),
                "{} {what}: {} {}",
                binding.method,
                answer.status,
                answer.text()
            );
            // hyper rejects invalid HTTP before the service.
            if ![400, 414, 431].contains(&answer.status) {
                assert_envelope(&answer, &method.envelope, answer.status);
            }
        }
    }
    assert_eq!(world.sql().fingerprint(), before);
    let chat = world.chat("Alice").await;
    for phone in
        ["+15550100400", "1555 0100400", "1555-0100400", "phone-", "phone-ABCDEFGHIJKL", "x", "", "1"]
    {
        let answer = world.rest().with("x-phone", phone).get(&chat).await.expect(422);
        assert!(names_field(&answer, "x-phone"), "{phone:?}: {}", answer.text());
    }
    let number = &world.org.numbers[0];
    let twice = world.rest().with("x-phone", number).with("x-phone", number).get(&chat).await.expect(422);
    assert!(names_field(&twice, "x-phone"), "{}", twice.text());
    for path in [&chat.path, &chat.session_path] {
        let bad_escape = path.replace('@', "%4");
        assert!([404, 422].contains(&world.rest().raw("GET", bad_escape.as_bytes(), b"").await.status));
    }
}

#[tokio::test]
async fn malformed_grpc_message_returns_a_status() {
    let world = World::start().await;
    let key = world.key("read,send,ingest,manage").await;
    let chat = world.chat("Alice").await;
    let before = world.sql().fingerprint();
    let mut frames: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0, 0, 0, 0],
        vec![0, 0, 0, 0, 9, 1],
        vec![0, 255, 255, 255, 255, 1],
        vec![1, 0, 0, 0, 1, 1],
        vec![7, 0, 0, 0, 0],
        frame(b"\xff\xff\xff\xff"),
        frame(&[0x0a, 0x02, 0xff, 0xfe]),
        frame(&[0x0a; 4096]),
        frame(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        frame(&vec![0; 2 << 20]),
    ];
    // A chat or session id with a NUL, and one that is too long.
    frames.push(frame(&[0x0a, 0x03, b'1', 0, b'2', 0x12, 0x01, b'x']));
    frames.push(frame(&[&[0x0a, 0x80, 0x80, 0x04], vec![b'1'; 65536].as_slice()].concat()));
    for method in methods().iter().filter(|method| !method.streams()) {
        for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
            for body in &frames {
                let answer = world.anonymous_rpc(protocol).token(&key).call(&method.path, body.clone()).await;
                let what =
                    format!("{protocol:?} {} {:?}: {answer:?}", method.path, &body[..body.len().min(20)]);
                // To a method without fields, every field is an unknown one, which it ignores.
                let is_harmless = method.path.contains("/List") || method.input.fields().len() == 0;
                assert!(
                    is_harmless && answer.code == Some(0) || answer.code.is_some_and(|code| code > 0),
                    "{what}"
                );
                assert_ne!(answer.code, Some(2), "{what}");
            }
        }
    }
    let unknown =
        world.rpc(Protocol::Grpc).call("/switchboard.v1.ChatService/NoSuchMethod", frame(b"")).await;
    assert_eq!(unknown.code, Some(12), "{unknown:?}");
    let unknown = world.rpc(Protocol::Grpc).call("/no.such.Service/Method", frame(b"")).await;
    assert_eq!(unknown.code, Some(12), "{unknown:?}");
    assert_eq!(world.sql().fingerprint(), before);
    world.rest().get(&chat).await.expect(200);
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

fn routes() -> Vec<(Method, Binding)> {
    let pairs = |method: Method| {
        let bindings = method.bindings.clone();
        bindings.into_iter().map(move |binding| (method.clone(), binding)).collect::<Vec<_>>()
    };
    methods().into_iter().filter(|method| !method.streams()).flat_map(pairs).collect()
}

/// Whether the error names that field, or a field inside it.
fn names_field(answer: &Answer, name: &str) -> bool {
    let body = answer.json();
    let fields = if body["fields"].is_object() { &body["fields"] } else { &body["error"]["details"] };
    let names = |field: &String| {
        field == name || field.starts_with(&format!("{name}.")) || field.starts_with(&format!("{name}["))
    };
    fields.as_object().is_some_and(|fields| fields.keys().any(names))
}

/// Errors contain no text of a library and no position in the body.
#[track_caller]
fn assert_no_parser_words(answer: &Answer) {
    let text = answer.text();
    for word in ["at line", "column", "expected", "serde", "prost", "EOF", "diesel", "PostgreSQL", "::"] {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[tokio::test]
async fn number_out_of_range_returns_422() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let beyond = 253_402_300_800_000_i64;
    for value in [
        json!(-1),
        json!(beyond),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!("-1"),
        json!(-0.5),
    ] {
        let answer = world.rest().patch(&chat.session_path, json!({"mutedUntil": value})).await.expect(422);
        assert!(names_field(&answer, "mutedUntil"), "{value}: {}", answer.text());
    }
    let last = json!({"mutedUntil": beyond - 1});
    let answer: Value = world.rest().patch(&chat.session_path, last).await.expect(200).json();
    assert_eq!(answer["mutedUntil"], beyond - 1);
    let shown = world.rest().get(target_of(&route("GetChat"), &chat.id)).await.expect(200).json();
    assert_eq!(shown["is_muted"], true);
}

fn route(rpc: &str) -> Binding {
    let method = methods().into_iter().find(|method| method.path.ends_with(&format!("/{rpc}")));
    method.and_then(|method| method.bindings.into_iter().next()).expect("a REST route")
}
