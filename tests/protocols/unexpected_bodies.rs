//! Bodies of requests without a body: ignored and reported, or rejected in strict handling.

use super::rejected_calls::assert_envelope;
use crate::support::World;

#[tokio::test]
async fn unexpected_body_is_ignored_and_reported() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let read = format!("{}/read", chat.session_path);
    for (method, path) in [("GET", &chat.path), ("POST", &read), ("GET", &chat.session_path)] {
        for (body, ignored) in [
            (r#"{"color": "blue", "size": {"x": 1}}"#, "color,size"),
            ("{}", ""),
            ("hello", ""),
            ("[1]", ""),
            (r#"{"color": "blue""#, ""),
        ] {
            for content_type in ["application/json", "text/plain", "image/png"] {
                let caller = world.rest().with("content-type", content_type);
                let answer = caller.send(method, path, body).await.expect(200);
                assert_eq!(answer.header("x-ignored-fields"), ignored, "{method} {path} {body}");
            }
        }
    }
    world.rest().json("DELETE", &chat.session_path, r#"{"color": "blue"}"#).await.expect(204);
}

#[tokio::test]
async fn strict_request_with_unexpected_body_returns_422() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let before = world.sql().fingerprint();
    let strict = world.rest().with("prefer", "handling=strict");
    let calls = [
        ("POST", format!("{}/read", chat.path), "FLAT"),
        ("POST", format!("{}/unread", chat.session_path), "NESTED"),
        ("DELETE", chat.session_path.clone(), "NESTED"),
    ];
    for (method, path, envelope) in &calls {
        for (body, named) in [(r#"{"color": 1}"#, "color"), ("hello", "body"), ("\u{1}", "body")] {
            let answer = strict.send(method, path, body).await;
            assert_envelope(&answer, envelope, 422);
            let answer = answer.json();
            let fields = if *envelope == "FLAT" { &answer["fields"] } else { &answer["error"]["details"] };
            assert!(!fields[named].is_null(), "{method} {path} {body}: {answer}");
        }
    }
    assert_eq!(world.sql().fingerprint(), before);
    for (method, path, _) in &calls {
        // Without effect.
        assert!(strict.send(method, path, "{}").await.status < 300, "{method} {path}");
    }
}

#[tokio::test]
async fn unexpected_body_over_limit_returns_413() {
    let world = World::start_with("127.0.0.1:0", &["--max-body-bytes", "1KiB"]).await;
    let chat = world.chat("Alice").await;
    let before = world.sql().fingerprint();
    for (method, path, envelope) in [
        ("DELETE", chat.session_path.clone(), "NESTED"),
        ("POST", format!("{}/unread", chat.session_path), "NESTED"),
        ("POST", format!("{}/read", chat.path), "FLAT"),
    ] {
        let answer = world.rest().raw(method, path.as_bytes(), &[b' '; 2000]).await;
        assert_envelope(&answer, envelope, 413);
    }
    assert_eq!(world.sql().fingerprint(), before);
}
