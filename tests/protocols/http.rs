//! HTTP semantics of both REST APIs: methods, conditions, types, encodings.

use std::io::Read;

use serde_json::json;

use super::foreign_ids::fresh_ids;
use super::rejected_calls::assert_envelope;
use super::samples::{request, rest, target_of};
use crate::support::{Binding, World, methods};

#[tokio::test]
async fn head_equals_get_without_the_body() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for path in [&chat.path, &chat.session_path] {
        let get = world.rest().get(path).await.expect(200);
        let head = world.rest().send("HEAD", path, "").await.expect(200);
        assert!(head.body.is_empty());
        for name in ["content-type", "etag", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
    }
    let missing = world.missing_chat_of(&world.org);
    let head = world.rest().send("HEAD", &missing, "").await.expect(404);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn unsupported_method_returns_405_with_the_allowed_methods() {
    let world = World::shared().await;
    for method in methods() {
        for binding in &method.bindings {
            let target = target_of(binding, "15550100000");
            let answer = world.rest().send("PUT", &target, "").await;
            if answer.status != 405 {
                continue;
            }
            assert_envelope(&answer, &method.envelope, 405);
            let mut allowed: Vec<_> = answer.header("allow").split(", ").map(str::to_owned).collect();
            allowed.sort();
            let all = methods().into_iter().flat_map(|method| method.bindings);
            let mut expected: Vec<_> = all
                .filter(|other| serves(&other.template, &target))
                .flat_map(|other| match other.method.as_str() {
                    "GET" => vec!["GET".to_owned(), "HEAD".to_owned()],
                    _ => vec![other.method],
                })
                .chain(["OPTIONS".to_owned()])
                .collect();
            expected.sort();
            expected.dedup();
            assert_eq!(allowed, expected, "{target}");
            let options = world.anonymous().send("OPTIONS", &target, "").await;
            assert!(options.status == 204 || options.status == 200, "{}", options.text());
            assert_eq!(options.header("allow"), answer.header("allow"), "{target}");
        }
    }
}

/// Whether the route matches the path.
/// A variable matches one segment; in the chat API not a word, which is another route of the vendor's.
fn serves(template: &str, path: &str) -> bool {
    let of_chat_api = ["/v1/chats/", "/v1/message/", "/v1/note/", "/v1/queue/"];
    let is_chat_api = of_chat_api.iter().any(|prefix| template.starts_with(prefix));
    let (template, path) = (template.split('/'), path.split('/'));
    let has_digit = |segment: &str| segment.bytes().any(|byte| byte.is_ascii_digit());
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(known, segment)| match known.split_once('}') {
            Some((_, verb)) => segment.ends_with(verb) && (!is_chat_api || has_digit(segment)),
            None => known == segment,
        })
}

#[tokio::test]
async fn unknown_path_returns_404_in_the_envelope_of_its_api() {
    let world = World::shared().await;
    for (path, envelope) in [
        ("/v1/nothing", "FLAT"),
        ("/v1/chats/15550101844@c.us//", "FLAT"),
        ("/v1/", "FLAT"),
        ("/api/v1/nothing", "NESTED"),
        ("/api/v1/sessions/x/chats/y//", "NESTED"),
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            assert_envelope(&world.rest().send(method, path, "").await, envelope, 404);
        }
    }
    let nowhere = world.rest().get("/nothing/at/all").await.expect(404);
    assert!(nowhere.header("content-type").starts_with("application/json"), "{nowhere:?}");
}

#[tokio::test]
async fn get_with_current_etag_returns_304() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for path in [&chat.path, &chat.session_path] {
        let first = world.rest().get(path).await.expect(200);
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') || etag.starts_with("W/\""), "{etag:?}");
        for condition in [etag.clone(), format!("\"other\", {etag}"), "*".to_owned()] {
            let same = world.rest().with("if-none-match", condition).get(path).await.expect(304);
            assert!(same.body.is_empty());
            assert_eq!(same.header("etag"), etag);
        }
        let change = json!({"labels": "changed", "pinned": true});
        world.rest().patch(path, change).await.expect(200);
        let changed = world.rest().with("if-none-match", &etag).get(path).await.expect(200);
        assert_ne!(changed.header("etag"), etag);
    }
}

#[tokio::test]
async fn patch_with_stale_etag_returns_412() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for (path, envelope) in [(&chat.path, "FLAT"), (&chat.session_path, "NESTED")] {
        let first = world.rest().get(path).await.expect(200);
        let change = json!({"labels": "changed", "pinned": true});
        let stale = world.rest().with("if-match", "\"other\"").patch(path, change.clone()).await;
        assert_envelope(&stale, envelope, 412);
        assert_eq!(world.rest().get(path).await.body, first.body);
        let fresh = world.rest().with("if-match", first.header("etag")).patch(path, change.clone()).await;
        fresh.expect(200);
        let stale = world.rest().with("if-match", first.header("etag")).patch(path, change).await;
        assert_envelope(&stale, envelope, 412);
    }
}

#[tokio::test]
async fn every_write_to_one_resource_honours_if_match() {
    let world = World::start().await;
    let caller = world.anonymous().token(&world.key("read,send,ingest,manage").await);
    let changes = |binding: &&Binding| match binding.method.as_str() {
        "PATCH" | "PUT" | "DELETE" => binding.template.ends_with('}'),
        "POST" => binding.template.ends_with("read"),
        _ => false,
    };
    for (number, method) in methods().iter().enumerate() {
        for binding in method.bindings.iter().filter(changes) {
            let ids = fresh_ids(&world, number).await;
            let (target, body) = rest(binding, &request(method, &ids));
            let before = world.sql().fingerprint();
            let stale =
                caller.with("if-match", "\"other\"").json(&binding.method, &target, body.clone()).await;
            assert_envelope(&stale, &method.envelope, 412);
            let only_new =
                caller.with("if-none-match", "*").json(&binding.method, &target, body.clone()).await;
            assert_envelope(&only_new, &method.envelope, 412);
            assert_eq!(world.sql().fingerprint(), before, "{} {target}", binding.method);
            let good = caller.with("if-match", "*").json(&binding.method, &target, body).await;
            assert!(good.status < 300, "{} {target}: {}", binding.method, good.text());
        }
    }
}

#[tokio::test]
async fn body_must_be_json_below_the_size_limit() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for (path, envelope) in [(&chat.path, "FLAT"), (&chat.session_path, "NESTED")] {
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
        {
            let caller = world.rest().with("content-type", content_type);
            let answer = caller.send("PATCH", path, r#"{"labels": "x", "pinned": true}"#).await;
            assert_envelope(&answer, envelope, 415);
        }
        for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
            let caller = world.rest().with("content-type", content_type);
            caller.send("PATCH", path, r#"{"labels": "x", "pinned": true}"#).await.expect(200);
        }
        let large = format!("{{\"labels\": \"x\"{}}}", " ".repeat(1 << 20));
        assert_envelope(&world.rest().json("PATCH", path, large).await, envelope, 413);
    }
}

#[tokio::test]
async fn unknown_keys_are_reported_and_rejected_only_if_strict() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let whole = world.rest().get(&chat).await.expect(200).json();
    let mut sent_back = whole.clone();
    sent_back["labels"] = json!("vip");
    sent_back["color"] = json!("blue");
    let answer = world.rest().patch(&chat, sent_back.clone()).await.expect(200);
    let ignored: Vec<_> = answer.header("x-ignored-fields").split(',').map(str::trim).collect();
    assert!(ignored.contains(&"color") && !ignored.contains(&"labels"), "{ignored:?}");
    assert_eq!(answer.json()["labels"], json!(["vip"]));
    assert_eq!(answer.json()["chat_name"], whole["chat_name"], "read-only fields are not written");

    let strict = world.rest().with("prefer", "handling=strict");
    let refused = strict.patch(&chat, json!({"labels": "lost", "color": "blue"})).await.expect(422);
    assert!(refused.json()["fields"]["color"]["message"].is_string(), "{}", refused.text());
    assert_eq!(world.rest().get(&chat).await.json()["labels"], json!(["vip"]));
    strict.patch(&chat, json!({"labels": "vip"})).await.expect(200);

    let path = &chat.session_path;
    let answer = world.rest().patch(path, json!({"pinned": true, "color": "blue"})).await.expect(200);
    assert_eq!(answer.header("x-ignored-fields"), "color");
    let refused = strict.patch(path, json!({"pinned": false, "color": "blue"})).await.expect(422);
    assert!(refused.json()["error"]["details"].get("color").is_some(), "{}", refused.text());
    let answer = world.rest().get(format!("{path}?colour=blue")).await.expect(200);
    assert_eq!(answer.header("x-ignored-fields"), "colour");
    strict.get(format!("{path}?colour=blue")).await.expect(422);
}

#[tokio::test]
async fn large_responses_are_compressed_on_request() {
    let world = World::shared().await;
    let chat = world.chat(&"Alice ".repeat(400)).await;
    let plain = world.rest().get(&chat).await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    let small = world.rest().with("accept-encoding", "gzip").get(&chat).await.expect(200);
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(small.body.len() < plain.body.len());
    assert!(small.header("vary").to_lowercase().contains("accept-encoding"), "{:?}", small.headers);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(small.body.as_ref()).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain.body);
    let zstd = world.rest().with("accept-encoding", "zstd, gzip;q=0.5").get(&chat).await.expect(200);
    assert_eq!(zstd.header("content-encoding"), "zstd");
}

#[tokio::test]
async fn etag_is_weak_if_the_response_may_be_compressed() {
    let world = World::shared().await;
    let chat = world.chat(&"Alice ".repeat(400)).await;
    for (path, varies) in [
        (&chat.path, "accept-encoding, x-phone, authorization, x-api-key"),
        (&chat.session_path, "accept-encoding, authorization, x-api-key"),
    ] {
        let strong = world.rest().get(path).await.expect(200);
        assert_eq!(strong.header("vary"), varies);
        for accepted in ["gzip", "zstd"] {
            let caller = world.rest().with("accept-encoding", accepted);
            let packed = caller.get(path).await.expect(200);
            let weak = packed.header("etag").to_owned();
            assert_eq!(
                (weak.as_str(), packed.header("vary")),
                (&*format!("W/{}", strong.header("etag")), varies)
            );
            let head = caller.send("HEAD", path, "").await.expect(200);
            assert_eq!((head.header("etag"), head.header("vary")), (&*weak, varies));
            for known in [weak.as_str(), strong.header("etag")] {
                let same = caller.with("if-none-match", known).get(path).await.expect(304);
                assert_eq!((same.header("etag"), same.header("vary")), (&*weak, varies));
            }
            // The service accepts the ETags that it sends.
            let change = json!({"labels": "", "pinned": false});
            caller.with("if-match", &weak).patch(path, change.clone()).await.expect(200);
            caller.with("if-none-match", &weak).patch(path, change).await.expect(412);
        }
    }
}

#[tokio::test]
async fn patch_succeeds_if_no_encoding_is_acceptable() {
    let world = World::shared().await;
    let chat = world.chat(&"Alice ".repeat(400)).await;
    for accepted in ["identity;q=0", "*;q=0", "identity;q=0, *;q=0", "br;q=1, identity;q=0"] {
        let caller = world.rest().with("accept-encoding", accepted);
        let changed = caller.patch(&chat, json!({"labels": accepted.split(';').next()})).await.expect(200);
        assert_eq!(changed.header("content-encoding"), "", "{accepted}");
        assert_eq!(changed.json(), world.rest().get(&chat).await.expect(200).json(), "{accepted}");
    }
}

#[tokio::test]
async fn responses_have_a_request_id_and_keep_the_clients_own() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    assert!(!world.rest().get(&chat).await.header("x-request-id").is_empty());
    let named = world.rest().with("x-request-id", "call-7").get(&chat).await;
    assert_eq!(named.header("x-request-id"), "call-7");
}

#[tokio::test]
async fn method_override_headers_are_ignored() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        world.rest().with(name, "DELETE").send("GET", &chat.session_path, "").await.expect(200);
        world.rest().with(name, "DELETE").send("PATCH", &chat.session_path, "").await.expect(200);
    }
    world.rest().get(&chat.session_path).await.expect(200);
}
