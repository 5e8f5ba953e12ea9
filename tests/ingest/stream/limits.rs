//! Timeouts and flow control of streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tonic::Code;

use super::{Connector, message, message_with_body, request};
use crate::support::World;

#[tokio::test]
async fn request_timeout_does_not_end_a_stream() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "2s"]).await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    tokio::time::sleep(Duration::from_secs(6)).await;
    connector.apply(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
}

#[tokio::test]
async fn shutdown_acknowledges_what_was_read() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "bridge").await.expect("open");
    connector.apply(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
    let (code, end) = tokio::join!(world.stop(), connector.answer());
    assert_eq!(code, 0);
    assert_eq!(end.expect_err("the server shuts down").code(), Code::Unavailable);
    // The stream ended by itself.
    assert!(!world.log().contains("cut off"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_control_holds_back_a_blocked_stream() {
    flow_control(2000).await;
}

/// Each event is a frame of its own, and many fit into a window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_control_holds_back_small_events() {
    flow_control(1).await;
}

async fn flow_control(body: usize) {
    const EVENTS: i64 = 8000;
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let mut blocker = world.sql();
    blocker.run("BEGIN; LOCK TABLE messages");

    let (sent, requests) = (Arc::new(AtomicI64::new(0)), connector.requests.clone());
    let sending = tokio::spawn({
        let sent = sent.clone();
        async move {
            for sequence in 1..=EVENTS {
                let event = message_with_body(&format!("M{sequence}"), &"x".repeat(body));
                requests.send(request(sequence, event)).await.expect("the stream is open");
                sent.store(sequence, Ordering::Relaxed);
            }
        }
    });
    // Wait until flow control holds the sender back: what was read and what is in flight is a small part of all events.
    let mut before = -1;
    while before != sent.load(Ordering::Relaxed) || before == 0 {
        before = sent.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(before < EVENTS / 2, "{before} events were taken in");
    assert!(!sending.is_finished());

    blocker.run("ROLLBACK");
    let acknowledged = connector.acknowledged(EVENTS).await.expect("acknowledged");
    // Batches have grown.
    assert!(acknowledged.len() < 100, "{} acknowledgements", acknowledged.len());
    assert_eq!(world.sql().count("messages"), EVENTS);
}
