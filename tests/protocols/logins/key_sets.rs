//! Key sets: which keys are used, and hosts that respond, fail or are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::auth::count_login_keys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::frontend::{Frontend, ISSUER, Signer, claims, world};
use super::{Login, once_fetched};
use crate::support::{Chat, World};

/// A host that gives every request the same response, and counts requests.
async fn host(response: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (url, requests)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn one_key() -> String {
    json!({"keys": [Signer::ed25519("frontend").jwk()]}).to_string()
}

#[tokio::test]
async fn unknown_key_ids_cause_one_fetch_over_http() {
    let (url, requests) = host(http("200 OK", &one_key())).await;
    let world = world(&url, &[]).await;
    let chat = world.chat("Alice").await;
    let claims = claims(&world.org.id, "member", json!({}));
    let known = world.anonymous().token(&Signer::ed25519("frontend").sign(&claims));
    once_fetched(&known, &chat).await.expect(200);
    let before = requests.load(Ordering::Relaxed);
    for id in ["a", "b", "c", "d", "e"] {
        let unknown = world.anonymous().token(&Signer::ed25519(id).sign(&claims));
        once_fetched(&unknown, &chat).await.expect(401);
    }
    assert!(requests.load(Ordering::Relaxed) <= before + 1);
}

#[tokio::test]
async fn login_without_any_keys_returns_503() {
    let world = world("/nonexistent/jwks.json", &[]).await;
    let claims = claims(&world.org.id, "member", json!({}));
    let caller = world.anonymous().token(&Signer::ed25519("frontend").sign(&claims));
    caller.get(&world.chat("Alice").await).await.expect(503);
}

#[tokio::test]
async fn unresponsive_host_delays_no_request_by_more_than_500_ms() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", silent.local_addr().unwrap());
    let flags = [
        "--jwks-url",
        &url,
        "--jwt-issuer",
        ISSUER,
        "--jwt-audience",
        "inbox",
        "--max-concurrent-requests",
        "4",
    ];
    let world = World::start_with("127.0.0.1:0", &flags).await;
    let chat = world.chat("Alice").await;
    let claims = claims(&world.org.id, "member", json!({}));
    // Tokens without an algorithm need no keys.
    let no_fetch = slowest_of_a_flood(&world, &chat, |number| format!("e30.e30.{number}"), 401).await;
    let made_up = |number: usize| {
        let signer = Signer { id: Some(format!("made up {number}").leak()), ..Signer::ed25519("") };
        signer.sign(&claims)
    };
    let slowest = slowest_of_a_flood(&world, &chat, made_up, 503).await;
    // Far less than the 5 seconds of a fetch.
    let limit = no_fetch + Duration::from_secs(2);
    assert!(slowest < limit, "{slowest:?}, and {no_fetch:?} without a fetch");
}

/// The longest of a hundred calls at the same time with that status.
async fn slowest_of_a_flood(
    world: &World,
    chat: &Chat,
    token: impl Fn(usize) -> String,
    status: u16,
) -> Duration {
    let flood = (0..100).map(|number| {
        let (caller, path) = (world.anonymous().token(&token(number)), chat.path.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            caller.get(path).await.expect(status);
            begun.elapsed()
        })
    });
    let flood: Vec<_> = flood.collect();
    // They hold no places meanwhile.
    for _ in 0..20 {
        world.rest().get(chat).await.expect(200);
    }
    let mut slowest = Duration::ZERO;
    for call in flood {
        slowest = slowest.max(call.await.unwrap());
    }
    slowest
}

#[tokio::test]
async fn failed_fetch_keeps_the_previous_keys() {
    let login = Login::of(Frontend::new()).await;
    let claims = login.claims(json!({}));
    login.expect(&login.frontend.sign(&claims), 200).await;
    login.frontend.unpublish();
    let unknown = login.world.anonymous().token(&Signer::ed25519("unknown").sign(&claims));
    once_fetched(&unknown, &login.chat).await.expect(401);
    login.expect(&login.frontend.sign(&claims), 200).await;
}

#[tokio::test]
async fn keys_for_other_uses_are_ignored() {
    let mut for_encryption = Signer::ed25519("frontend").jwk();
    for_encryption["use"] = json!("enc");
    let symmetric = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "frontend"});
    let unknown = json!({"kty": "XYZ", "kid": "frontend"});
    let useful = Signer::p256("p");
    let keys = [for_encryption, symmetric, unknown, json!(7), useful.jwk()];
    let login = Login::of(Frontend::with_keys(&keys)).await;
    let claims = login.claims(json!({}));
    login.expect(&login.frontend.sign(&claims), 401).await;
    login.expect(&useful.sign(&claims), 200).await;
}

#[tokio::test]
async fn only_usable_key_sets_are_fetched() {
    let (url, _) = host(http("200 OK", &one_key())).await;
    assert_eq!(count_login_keys(&url).await, Ok(1));
    let too_large = http("200 OK", &format!(r#"{{"pad":"{}",{}"#, " ".repeat(1024 * 1024), &one_key()[1..]));
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned();
    let failure = http("500 Internal Server Error", &one_key());
    for response in [failure, http("200 OK", "{}"), http("200 OK", r#"{"keys":[]}"#), too_large, redirect] {
        let (url, _) = host(response).await;
        assert!(count_login_keys(&url).await.is_err());
    }
}
