//! `kill -9` in the middle of a sync, of webhooks and of sends: everything is stored once, and nothing is sent twice.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use switchboard::instant::Instant;

use super::ASHA;
use super::server::{PHONE, Waha, text};
use super::service::{BASE, SECRET, Service, TIMEOUT};
use crate::support::{Rest, Server, until};

/// Messages of the history for each kill: a sync of all of them takes longer than one process lives.
const HISTORY: i64 = 1500;

/// The sends of this test: other sessions have some that wait.
const SENDS: &str = "sends WHERE content->>'body' LIKE 'send %'";

/// Number of kills; `make kills` sets 50.
fn kills() -> i64 {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(2)
}

/// What the service acknowledged.
#[derive(Default)]
struct Acknowledged {
    webhooks: i64,
    sends: i64,
}

impl Acknowledged {
    async fn add(&mut self, service: &Service, count: i64) {
        let sender = service.manager.with("x-phone", PHONE);
        for _ in 0..count {
            let id = format!("3EB0LIVE{:06}", self.webhooks);
            let live = text(&format!("false_{ASHA}_{id}"), "now", Instant::now().millis() / 1000);
            assert_eq!(service.webhook(SECRET, &format!("evt_{id}"), "message.any", live).await, 200);
            self.webhooks += 1;
            let body = json!({ "chat_id": ASHA, "message": format!("send {:06}", self.sends) }).to_string();
            // A call whose deadline ended may have queued it; with its key it is safe to repeat.
            let sender = sender.with("idempotency-key", format!("kills-{}", self.sends));
            until("it is queued", async || {
                sender.json("POST", "/v1/message/send", body.clone()).await.status == 200
            })
            .await;
            self.sends += 1;
        }
    }
}

/// Kills the process, and starts another one in its place.
async fn restart(service: &mut Service, process: u32) -> Server {
    let process = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
    kill_process(process, Signal::KILL).expect("it runs");
    // Nobody has to wait until the lease and the attempts of the killed process expire.
    let expire = "UPDATE connections SET lease_expires_at = now(); UPDATE sends SET not_before = now()";
    service.world.sql().run_as(&service.world.org.id, expire);
    let flags = ["--connection-host", "127.0.0.1"];
    let server = Server::start(&service.world.database, "127.0.0.1:0", &flags).await;
    service.manager = Rest::new(server.address).token(&service.world.key("read,send,manage").await);
    service.address = server.address;
    server
}

/// How often the gateway was asked to send each text successfully.
fn sent(waha: &Waha) -> BTreeMap<String, usize> {
    let mut sent = BTreeMap::new();
    for (_, request) in &waha.state().sent {
        *sent.entry(request["text"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    sent
}

async fn survives_kills(engine: &'static str) {
    let waha = Waha::start().await;
    waha.state().engine = engine;
    for n in 0..HISTORY * kills() {
        let id = format!("{}_1555020{:04}@c.us_3EB0HIST{n:06}", n % 3 == 0, n % 97);
        waha.state().add(text(&id, "earlier", BASE + n));
    }
    let mut service = Service::start(waha).await;
    let mut random = StdRng::seed_from_u64(1555);
    let mut acknowledged = Acknowledged::default();
    let mut server: Option<Server> = None;
    for _ in 0..kills() {
        acknowledged.add(&service, random.random_range(3..10)).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        let process =
            server.as_ref().map_or_else(|| Some(service.world.process_id()), |server| server.process.id());
        server = Some(restart(&mut service, process.expect("a process")).await);
    }
    service.synced(TIMEOUT).await;
    let count = |from: &str| service.world.sql().count(from);
    until("no webhook waits", async || count("inbound_events WHERE state = 'received'") == 0).await;
    until("no send waits", async || count(&format!("{SENDS} AND state IN ('queued', 'sending')")) == 0).await;

    let stored = |ids: &str| count(&format!("messages WHERE message_id LIKE '{ids}%'"));
    assert_eq!(stored("3EB0HIST"), HISTORY * kills(), "{engine}: messages of the history");
    assert_eq!(stored("3EB0LIVE"), acknowledged.webhooks, "{engine}: messages of webhooks");
    let sent = sent(&service.waha);
    assert!(sent.values().all(|times| *times == 1), "{engine}: sent twice: {sent:?}");
    let clear =
        format!("SELECT content->>'body' AS body FROM {SENDS} AND state NOT IN ('unknown', 'failed')");
    let accepted = service.world.sql().rows(&clear);
    let is_sent = |body: &serde_json::Value| body.as_str().is_some_and(|body| sent.contains_key(body));
    assert!(accepted.iter().all(|send| is_sent(&send["body"])), "{engine}: {accepted:?} of {sent:?}");
    let unclear = count(&format!("{SENDS} AND state = 'unknown'"));
    assert!(engine == "WEBJS" || unclear == 0, "{engine}: {unclear} are unclear");
    assert_eq!(
        i64::try_from(accepted.len()).expect("a few") + unclear,
        acknowledged.sends,
        "{engine}: none failed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_engine_that_keeps_ids() {
    survives_kills("GOWS").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_engine_that_makes_ids() {
    survives_kills("WEBJS").await;
}
