//! `kill -9` in the middle of a stream: acknowledged events are stored, once, and subscribers receive every change.

use std::collections::BTreeSet;
use std::env;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::ingest_response::Response;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::{Request, Status, Streaming};

use super::{Connector, message, request};
use crate::support::{World, in_time};
use crate::watch::{next, next_with_change};

/// Number of kills; `make kills` sets 50.
fn kills() -> usize {
    env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(3)
}

/// A subscriber that is disconnected with the server and resumes on the next one.
#[derive(Default)]
struct Watcher {
    key: String,
    resume_token: String,
    /// The received changes.
    received: BTreeSet<i64>,
}

impl Watcher {
    async fn begin(&self, url: String) -> Result<Streaming<WatchChatsResponse>, Status> {
        let mut client = ChatServiceClient::connect(url).await.expect("a connection");
        let resume_token = self.resume_token.clone();
        let mut request = Request::new(WatchChatsRequest { resume_token, ..Default::default() });
        let bearer = format!("Bearer {}", self.key).parse().expect("a header value");
        request.metadata_mut().insert("authorization", bearer);
        Ok(client.watch_chats(request).await?.into_inner())
    }

    fn receive(&mut self, item: WatchChatsResponse) {
        self.received.extend(item.change.map(|change| change.id));
        self.resume_token = item.resume_token;
    }

    /// Watches until it is disconnected.
    async fn watch(mut self, url: String) -> Self {
        if let Ok(mut watch) = self.begin(url).await {
            while let Ok(Some(item)) = in_time("a message or the end", watch.message()).await {
                self.receive(item);
            }
        }
        self
    }

    /// Watches until it has received that number of changes.
    async fn catch_up(&mut self, url: String, changes: usize) {
        let mut watch = self.begin(url).await.expect("a watch");
        while self.received.len() < changes {
            self.receive(next_with_change(&mut watch).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_kills_and_are_stored_once() {
    let world = World::start().await;
    let key = world.key("ingest").await;
    let mut random = StdRng::seed_from_u64(1555);
    let mut acknowledged = 0;
    let mut watcher = Watcher { key: world.key("read").await, ..Watcher::default() };
    let first = next(&mut watcher.begin(world.url()).await.expect("a watch")).await;
    watcher.receive(first);
    for kill in 0..kills() {
        let server = world.another_server().await;
        let url = format!("http://{}", server.address);
        let (mut connector, resumed) = Connector::open(&url, &key, "bridge").await.expect("open");
        assert!(resumed >= acknowledged, "kill {kill}: {acknowledged} was acknowledged, {resumed} is kept");
        let stored = world.sql().count("messages");
        assert_eq!(stored, resumed, "kill {kill}");
        let watching = tokio::spawn(watcher.watch(url));

        let requests = connector.requests.clone();
        let sending = tokio::spawn(async move {
            for sequence in resumed + 1.. {
                let request = request(sequence, message(&format!("M{sequence}")));
                if requests.send(request).await.is_err() {
                    return;
                }
            }
        });
        // After some batches, at a random moment of the next one.
        let enough = resumed + random.random_range(1..600);
        let outcome = connector.acknowledged(enough).await;
        outcome.unwrap_or_else(|status| panic!("kill {kill}: {status}: {}", server.process.log()));
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
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
        watcher = watching.await.expect("a watcher");
        // Wait until the killed server's transaction is committed or rolled back.
        world.sql().run_as(&world.org.id, "LOCK TABLE messages");
    }
    let counts = world.sql().rows(
        "SELECT unread, (SELECT count(*) FROM messages) AS stored, (SELECT count(DISTINCT message_id) FROM messages) AS once
         FROM session_chats",
    );
    let stored = world.sql().count("messages");
    assert!(stored >= acknowledged);
    assert_eq!(counts, [json!({"unread": stored, "stored": stored, "once": stored})]);

    let written = world.sql().rows("SELECT event_id AS id FROM event_views");
    let written: BTreeSet<i64> = written.iter().filter_map(|row| row["id"].as_i64()).collect();
    watcher.catch_up(world.url(), written.len()).await;
    assert_eq!(watcher.received, written);
}
