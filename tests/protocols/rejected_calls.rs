//! Rejected calls of every RPC through every protocol. The descriptors list the RPCs, so that new ones are covered.

use serde_json::Value;

use super::samples::target_of;
use crate::support::{Answer, Method, Protocol, World, frame, methods};

const UNAUTHENTICATED: i32 = 16;
const PERMISSION_DENIED: i32 = 7;

#[tokio::test]
async fn request_without_valid_token_is_rejected_unread() {
    let world = World::shared().await;
    let good = &world.org.key;
    let unknown = format!("sb_{}_{}", "a".repeat(12), "b".repeat(64));
    let (start, last) = good.split_at(good.len() - 1);
    let wrong_secret = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let headers = [
        None,
        Some(("authorization", "Bearer nonsense".to_owned())),
        Some(("authorization", "Bearer ".to_owned())),
        Some(("authorization", format!("Bearer {unknown}"))),
        Some(("authorization", format!("Bearer {wrong_secret}"))),
        Some(("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned())),
        Some(("authorization", format!("Basic {good}"))),
        Some(("authorization", good.clone())),
        Some(("x-api-key", unknown.clone())),
    ];
    for method in methods() {
        for header in &headers {
            let header = header.as_ref().map(|(name, value)| (*name, value.as_str()));
            refused(world, &method, header, UNAUTHENTICATED, 401).await;
        }
    }
}

#[tokio::test]
async fn request_without_capability_is_rejected_unread() {
    let world = World::shared().await;
    for method in methods() {
        let rest = ["read", "send", "ingest", "manage"].into_iter().filter(|can| *can != method.capability);
        let key = world.key(&rest.collect::<Vec<_>>().join(",")).await;
        let header = ("authorization", format!("Bearer {key}"));
        refused(world, &method, Some((header.0, &header.1)), PERMISSION_DENIED, 403).await;
    }
}

#[tokio::test]
async fn unknown_rpc_is_unimplemented() {
    let world = World::shared().await;
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        for path in ["/switchboard.v1.ChatService/Unknown", "/a/B"] {
            let answer = world.rpc(protocol).call(path, frame(b"")).await;
            assert_eq!(answer.code, Some(12), "{protocol:?} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn revocation_takes_effect_within_five_seconds() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let key = world.key("read").await;
    let id = key.split('_').nth(1).expect("sb_<key id>_<secret>").to_owned();
    world.anonymous().token(&key).get(&chat).await.expect(200);
    world.rest().get(&chat).await.expect(200);
    world.cli(&["key", "revoke", &id]);
    world.cli(&["org", "disable", &world.org.id]);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    world.anonymous().token(&key).get(&chat).await.expect(401);
    world.rest().get(&chat).await.expect(401);
}

#[tokio::test]
async fn api_key_is_accepted_in_x_api_key() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    world.anonymous().with("x-api-key", &world.org.key).get(&chat).await.expect(200);
}

#[tokio::test]
async fn two_different_keys_in_one_request_return_401() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let (own, other) = (&world.org.key, world.key("read").await);
    for (key, status, code) in [(own, 200, 0), (&other, 401, UNAUTHENTICATED)] {
        world.rest().with("x-api-key", key).get(&chat).await.expect(status);
        for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
            let caller = world.rpc(protocol).with("x-api-key", key);
            let answer = caller.call("/switchboard.v1.ApiKeyService/ListApiKeys", frame(b"")).await;
            // The key has no capability `manage`.
            assert_eq!(answer.code, Some(if code == 0 { PERMISSION_DENIED } else { code }), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn checks_run_in_documented_order() {
    let world = World::shared().await;
    let missing = world.missing_chat_of(&world.org);
    let reader = world.anonymous().token(&world.key("read").await);
    for path in [&missing.path, &missing.session_path] {
        let bad = r#"{"labels": 1, "pinned": 1}"#;
        let good = r#"{"labels": "vip", "pinned": true}"#;
        world.anonymous().json("PATCH", path, bad).await.expect(401);
        reader.json("PATCH", path, bad).await.expect(403);
        world.rest().json("PATCH", path, bad).await.expect(422);
        world.rest().json("PATCH", path, good).await.expect(404);
    }
}

/// Calls the method through every protocol, with undecodable bodies.
async fn refused(world: &World, method: &Method, header: Option<(&str, &str)>, code: i32, status: u16) {
    let garbage = [b"".to_vec(), b"\xff\xff\xff".to_vec(), frame(b"\xff\xff")];
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let caller = world.anonymous_rpc(protocol);
        let caller = header.map_or(caller.clone(), |(name, value)| caller.with(name, value));
        for body in &garbage {
            let answer = caller.call(&method.path, body.clone()).await;
            assert_eq!(answer.code, Some(code), "{protocol:?} {} {header:?}: {answer:?}", method.path);
            assert!(answer.messages.is_empty());
        }
    }
    for binding in &method.bindings {
        let caller = header.map_or(world.anonymous(), |(name, value)| world.anonymous().with(name, value));
        let target = target_of(binding, "nonsense1");
        for (content_type, body) in [("application/json", "{\"x"), ("text/plain", "\u{1}"), ("image/png", "")]
        {
            let caller = caller.with("content-type", content_type);
            let answer = caller.send(&binding.method, &target, body.as_bytes().to_vec()).await;
            let what = format!("{} {target} {header:?}: {}", binding.method, answer.text());
            assert_eq!(answer.status, status, "{what}");
            assert_envelope(&answer, &method.envelope, status);
            if status == 403 && method.envelope == "NESTED" {
                assert_eq!(
                    answer.json()["error"]["details"]["required"],
                    method.capability.as_str(),
                    "{what}"
                );
            }
        }
    }
}

/// Asserts that the body is the API's error envelope with the code of that status and nothing else.
#[track_caller]
pub fn assert_envelope(answer: &Answer, envelope: &str, status: u16) {
    let what = answer.text();
    assert_eq!(answer.status, status, "{what}");
    assert!(answer.header("content-type").starts_with("application/json"), "{:?} {what}", answer.headers);
    let body = answer.json();
    let keys =
        |value: &Value| value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    if envelope == "FLAT" {
        let (code, name) = flat(status);
        let known: &[_] = if status == 422 {
            &["code", "fields", "message", "name", "status"]
        } else {
            &["code", "message", "name", "status"]
        };
        assert!(keys(&body).iter().all(|key| known.contains(&key.as_str())), "{what}");
        assert_eq!(
            (&body["code"], &body["name"], &body["status"]),
            (&code.into(), &name.into(), &status.into()),
            "{what}"
        );
        assert!(body["message"].is_string(), "{what}");
    } else {
        assert_eq!(keys(&body), ["error"], "{what}");
        assert_eq!(keys(&body["error"]), ["code", "details", "message"], "{what}");
        assert_eq!(body["error"]["code"], nested(status), "{what}");
        assert!(body["error"]["message"].is_string() && body["error"]["details"].is_object(), "{what}");
    }
}

fn flat(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("UNAUTHORIZED_ERROR", "Unauthorized"),
        403 => ("FORBIDDEN_ERROR", "Forbidden"),
        404 => ("NOT_FOUND_ERROR", "Not Found"),
        405 => ("METHOD_NOT_ALLOWED_ERROR", "Method Not Allowed"),
        409 | 412 => ("CONFLICT_ERROR", "Conflict"),
        413 | 415 => ("UNSUPPORTED_BODY_ERROR", "Unsupported Body"),
        422 => ("VALIDATION_ERROR", "Validation Error"),
        429 => ("RATE_LIMIT_ERROR", "Too Many Requests"),
        503 | 504 => ("UNAVAILABLE_ERROR", "Unavailable"),
        other => panic!("{other} is not a documented status"),
    }
}

fn nested(status: u16) -> &'static str {
    match status {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "conflict",
        412 => "precondition_failed",
        413 => "payload_too_large",
        415 => "unsupported_media_type",
        422 => "validation_error",
        429 => "rate_limited",
        503 => "unavailable",
        504 => "deadline_exceeded",
        other => panic!("{other} is not a documented status"),
    }
}
