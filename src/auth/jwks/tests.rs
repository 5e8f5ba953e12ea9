//! Fetching the keys, from a host that answers, misbehaves or is gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const ONE_KEY: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A host that gives every request the same answer, and counts them.
async fn host(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks.json", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, asked)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn keys_come_over_http() {
    let (url, _) = host(http("200 OK", ONE_KEY)).await;
    assert!(matches!(Jwks::start(&url).find(Some("k1")).await, Lookup::Found(_)));
}

#[tokio::test]
async fn many_unknown_ids_cause_one_fetch() {
    let (url, asked) = host(http("200 OK", ONE_KEY)).await;
    let jwks = Jwks::start(&url);
    assert!(matches!(jwks.find(Some("k1")).await, Lookup::Found(_)));
    let before = asked.load(Ordering::Relaxed);
    for id in 0..20 {
        assert!(matches!(jwks.find(Some(&format!("unknown-{id}"))).await, Lookup::Unknown));
    }
    assert!(asked.load(Ordering::Relaxed) <= before + 1);
}

#[tokio::test]
async fn what_is_no_key_set_leaves_us_without_keys() {
    let too_large = http("200 OK", &format!(r#"{{"pad":"{}",{}"#, " ".repeat(1024 * 1024), &ONE_KEY[1..]));
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned();
    for answer in [http("500 Internal Server Error", ONE_KEY), http("200 OK", "{}"), too_large, redirect] {
        let (url, _) = host(answer).await;
        assert!(matches!(Jwks::start(&url).find(Some("k1")).await, Lookup::NoKeys));
    }
}

#[tokio::test]
async fn a_host_that_fails_leaves_us_the_keys_we_have() {
    let jwks = Jwks::of(ONE_KEY);
    assert!(matches!(jwks.find(Some("unknown")).await, Lookup::Unknown));
    assert!(matches!(jwks.find(Some("k1")).await, Lookup::Found(_)));
}
