//! How long a stream lives, and how much of it is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tonic::Code;

use super::{Connector, message, message_saying, request};
use crate::support::World;

#[tokio::test]
async fn the_time_of_a_call_does_not_end_a_stream() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "200ms"]).await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    tokio::time::sleep(Duration::from_millis(600)).await;
    connector.tell(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
}

#[tokio::test]
async fn a_service_that_stops_acknowledges_what_it_read_and_says_so() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "bridge").await.expect("open");
    connector.tell(1, message("A")).await;
    connector.acknowledged(1).await.expect("acknowledged");
    let (code, end) = tokio::join!(world.stop(), connector.answer());
    assert_eq!(code, 0);
    assert_eq!(end.expect_err("the service stops").code(), Code::Unavailable);
    // It did not have to be cut off.
    assert!(!world.log().contains("cut off"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_can_be_stored_nothing_more_is_read() {
    held_back(2000).await;
}

/// Each is a frame of its own, and there are many of them before a window is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_events_are_held_back_too() {
    held_back(1).await;
}

async fn held_back(body: usize) {
    const EVENTS: i64 = 8000;
    let world = World::start().await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    let mut blocker = world.sql();
    blocker.run(&format!("BEGIN; SET LOCAL switchboard.org_id = '{}'; LOCK TABLE messages", world.org.id));

    let (sent, requests) = (Arc::new(AtomicI64::new(0)), connector.requests.clone());
    let sending = tokio::spawn({
        let sent = sent.clone();
        async move {
            for sequence in 1..=EVENTS {
                let told = message_saying(&format!("M{sequence}"), &"x".repeat(body));
                requests.send(request(sequence, told)).await.expect("the stream is open");
                sent.store(sequence, Ordering::Relaxed);
            }
        }
    });
    // Until the sender is held back: what the service reads ahead and what is on its way is much less than everything.
    let mut before = -1;
    while before != sent.load(Ordering::Relaxed) || before == 0 {
        before = sent.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(before < EVENTS / 2, "{before} events were taken in");
    assert!(!sending.is_finished());

    blocker.run("ROLLBACK");
    let acknowledged = connector.acknowledged(EVENTS).await.expect("acknowledged");
    // Batches grew.
    assert!(acknowledged.len() < 100, "{} acknowledgements", acknowledged.len());
    assert_eq!(world.sql().count("messages"), EVENTS);
}
