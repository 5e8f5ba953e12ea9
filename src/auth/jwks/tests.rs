//! Fetching keys from hosts that respond, fail or are gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const ONE_KEY: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A host that gives every request the same response, and counts requests.
async fn host(response: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
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

#[tokio::test]
async fn keys_are_fetched_over_http() {
    let (url, _) = host(http("200 OK", ONE_KEY)).await;
    assert!(matches!(Jwks::start(&url).find(Some("k1")).await, Lookup::Found(_)));
}

#[tokio::test]
async fn unknown_ids_cause_one_fetch() {
    let (url, requests) = host(http("200 OK", ONE_KEY)).await;
    let jwks = Jwks::start(&url);
    assert!(matches!(jwks.find(Some("k1")).await, Lookup::Found(_)));
    let before = requests.load(Ordering::Relaxed);
    for id in 0..20 {
        assert!(matches!(jwks.find(Some(&format!("unknown-{id}"))).await, Lookup::Unknown));
    }
    assert!(requests.load(Ordering::Relaxed) <= before + 1);
}

#[tokio::test]
async fn invalid_key_sets_are_ignored() {
    let too_large = http("200 OK", &format!(r#"{{"pad":"{}",{}"#, " ".repeat(1024 * 1024), &ONE_KEY[1..]));
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned();
    for response in [http("500 Internal Server Error", ONE_KEY), http("200 OK", "{}"), too_large, redirect] {
        let (url, _) = host(response).await;
        assert!(matches!(Jwks::start(&url).find(Some("k1")).await, Lookup::NoKeys));
    }
}

#[tokio::test]
async fn failed_fetch_keeps_the_previous_keys() {
    let jwks = Jwks::of(ONE_KEY);
    assert!(matches!(jwks.find(Some("unknown")).await, Lookup::Unknown));
    assert!(matches!(jwks.find(Some("k1")).await, Lookup::Found(_)));
}
