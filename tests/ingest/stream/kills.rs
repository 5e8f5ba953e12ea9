//! `kill -9` in the middle of a stream: what was acknowledged is stored, and nothing is stored twice.

use std::env;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use switchboard::pb::ingest_response::Response;

use super::{Connector, message, request};
use crate::support::World;

/// How often; `make kills` sets 50.
fn kills() -> usize {
    env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_and_is_there_once() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let mut random = StdRng::seed_from_u64(1555);
    let mut acknowledged = 0;
    for kill in 0..kills() {
        let server = world.another_server().await;
        let url = format!("http://{}", server.address);
        let (mut connector, resumed) = Connector::open(&url, &key, "bridge").await.expect("open");
        assert!(resumed >= acknowledged, "kill {kill}: {acknowledged} was acknowledged, {resumed} is kept");
        let stored = world.sql().count("messages");
        assert_eq!(stored, resumed, "kill {kill}");

        let requests = connector.requests.clone();
        let sending = tokio::spawn(async move {
            for sequence in resumed + 1.. {
                let told = request(sequence, message(&format!("M{sequence}")));
                if requests.send(told).await.is_err() {
                    return;
                }
            }
        });
        // Some batches later, at any moment of the next.
        let enough = resumed + random.random_range(1..600);
        let outcome = connector.acknowledged(enough).await;
        outcome.unwrap_or_else(|status| panic!("kill {kill}: {status}: {}", server.process.log()));
        tokio::time::sleep(std::time::Duration::from_micros(random.random_range(0..20_000))).await;
        let id = server.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("a process");
        kill_process(id, Signal::KILL).expect("it runs");
        while let Ok(Some(answer)) = connector.answer().await {
            if let Response::Acknowledgement(more) = answer {
                acknowledged = more.sequence;
            }
        }
        acknowledged = acknowledged.max(enough);
        drop(connector);
        sending.abort();
        // What it was writing then is written or not before anybody looks.
        world.sql().run_as(&world.org.id, "LOCK TABLE messages");
    }
    let counts = world.sql().rows(
        "SELECT unread, (SELECT count(*) FROM messages) AS stored, (SELECT count(DISTINCT message_id) FROM messages) AS once
         FROM session_chats",
    );
    let stored = world.sql().count("messages");
    assert!(stored >= acknowledged);
    assert_eq!(counts, [json!({"unread": stored, "stored": stored, "once": stored})]);
}
