//! A full disk: nothing acknowledged is lost, nothing is rejected, and all is well once there is room.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use switchboard::pb::ingest_response::Response;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ingest::stream::connector::Connector;
use crate::ingest::stream::{message_with_body, request};
use crate::support::{Chat, Cluster, DiskOf, Rest, World, until, until_within};

/// Size of the disks in megabytes.
const SIZE: u32 = 160;
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_data_disk_loses_nothing() {
    let Some(mut cluster) = Cluster::on_small_disk(DiskOf::Data, SIZE, &["synchronous_commit=on"]).await
    else {
        return;
    };
    fill_and_free(&mut cluster, "disk").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_of_the_write_ahead_log_loses_nothing() {
    let settings = ["synchronous_commit=on", "wal_level=replica"];
    let Some(mut cluster) = Cluster::on_small_disk(DiskOf::WriteAheadLog, SIZE, &settings).await else {
        return;
    };
    // Otherwise PostgreSQL writes into old segments, and may never need room.
    cluster.admin().run("SELECT pg_create_physical_replication_slot('abandoned', true)");
    // PostgreSQL stops: it cannot commit.
    fill_and_free(&mut cluster, "unreachable").await;
}

/// Fills the disk under ingest and writes until readiness fails with that reason, and frees it again.
async fn fill_and_free(cluster: &mut Cluster, reason: &str) {
    let world = World::alone_in(cluster, &["--database-acquire-timeout", "250ms"]).await;
    let chat = world.chat("Alice").await;
    let over = CancellationToken::new();
    let key = world.key("ingest").await;
    let ingesting = tokio::spawn(ingest(world.url(), key, over.clone()));
    let writing: Vec<JoinHandle<Written>> =
        (0..3).map(|writer| tokio::spawn(write(world.rest(), chat.clone(), writer, over.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;

    cluster.disk().fill();
    until("not ready", async || checks(&world).await.contains(reason)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.disk().free();
    until_within(Duration::from_secs(180), "ready", async || {
        // PostgreSQL gives up when it cannot recover after a crash.
        if !cluster.is_running() {
            cluster.revive().await;
        }
        world.anonymous().get("/readyz").await.status == 200
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    over.cancel();

    let ingested = ingesting.await.expect("a sender");
    assert_eq!(ingested.rejected, 0, "{}", world.log());
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for writer in writing {
        let written = writer.await.expect("a writer");
        assert!(written.is_recovered, "the last write succeeds");
        acknowledged.extend(written.acknowledged);
        refused += written.refused;
    }
    let events = world
        .sql()
        .rows("SELECT DISTINCT change.value ->> 1 AS note FROM events, jsonb_each(changes) change");
    let stored: BTreeSet<_> = events.iter().filter_map(|row| row["note"].as_str()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|note| !stored.contains(note.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(refused > 0, "writes were refused meanwhile");
    let stored = world.sql().count("messages");
    assert!(stored >= ingested.acknowledged, "{stored} stored, {} acknowledged", ingested.acknowledged);
    assert!(ingested.acknowledged > 0);
}

async fn checks(world: &World) -> String {
    let answer = world.anonymous().get("/readyz").await;
    if answer.status == 200 { String::new() } else { answer.text() }
}

#[derive(Default)]
struct Ingested {
    acknowledged: i64,
    rejected: usize,
}

/// Sends messages, and opens another stream whenever one ends, until `over` is cancelled.
async fn ingest(url: String, key: String, over: CancellationToken) -> Ingested {
    let mut ingested = Ingested::default();
    while !over.is_cancelled() {
        if let Ok((connector, resumed)) = Connector::open(&url, &key, "bridge").await {
            assert!(resumed >= ingested.acknowledged, "{resumed} is known of {}", ingested.acknowledged);
            send(connector, resumed, &mut ingested, &over).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    ingested
}

async fn send(mut connector: Connector, resumed: i64, ingested: &mut Ingested, over: &CancellationToken) {
    let requests = connector.requests.clone();
    let body = "x".repeat(8000);
    let sending = tokio::spawn(async move {
        for sequence in resumed + 1.. {
            let event = message_with_body(&format!("M{sequence}"), &body);
            if requests.send(request(sequence, event)).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    loop {
        tokio::select! {
            () = over.cancelled() => break,
            answer = connector.answer() => match answer {
                Ok(Some(Response::Acknowledgement(more))) => {
                    ingested.acknowledged = more.sequence;
                    ingested.rejected += more.rejected.len();
                }
                Ok(_) => {}
                Err(status) => {
                    assert_eq!(status.code(), tonic::Code::Unavailable, "{status}");
                    break;
                }
            }
        }
    }
    sending.abort();
}

#[derive(Default)]
struct Written {
    acknowledged: Vec<String>,
    refused: usize,
    is_recovered: bool,
}

/// Writes notes until `over` is cancelled.
async fn write(rest: Rest, chat: Chat, writer: u32, over: CancellationToken) -> Written {
    let mut written = Written::default();
    for number in 0.. {
        let note = format!("{writer}-{number}-{}", "y".repeat(300));
        let answer = rest.patch(&chat, json!({"custom_properties": {"note": note}})).await;
        match answer.status {
            200 => written.acknowledged.push(note),
            503 => {
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                written.refused += 1;
            }
            // A commit in flight when the server stopped.
            504 => written.refused += 1,
            _ => panic!("{answer:?}"),
        }
        written.is_recovered = answer.status == 200;
        if over.is_cancelled() && written.is_recovered {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    written
}
