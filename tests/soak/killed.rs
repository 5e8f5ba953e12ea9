//! PostgreSQL is killed and comes back after a while.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Call, End, count, probe};
use super::readers::Reader;
use super::{DEFAULT_TIMEOUTS, Figures, PAUSE, is_ready, sized};
use crate::support::{Chat, Cluster, Rest, World, until};

/// Number of concurrent writers, each with its own chat.
const WRITERS: usize = 4;

#[tokio::test]
async fn killing_postgresql_loses_no_acknowledged_write() {
    let mut cluster = Cluster::start(&["synchronous_commit=on"]).await;
    let world = World::alone_in(&cluster, &DEFAULT_TIMEOUTS).await;
    let mut chats = Vec::new();
    for _ in 0..WRITERS {
        chats.push(world.chat("Alice").await);
    }
    let over = CancellationToken::new();
    let living = tokio::spawn({
        let (caller, over) = (world.anonymous(), over.clone());
        async move { probe(caller, "/livez", over).await }
    });
    let mut totals = Totals::default();
    for round in 0..sized(1, 10) {
        totals.kill(&mut cluster, &world, &chats, round).await;
    }
    over.cancel();
    let living = living.await.expect("a prober");

    let stored = "SELECT DISTINCT change.value ->> 1 AS value FROM events, jsonb_each(changes) change";
    let stored = world.sql().rows(stored);
    let stored: BTreeSet<_> = stored.iter().filter_map(|row| row["value"].as_str()).collect();
    let is_lost = |note: &&String| !stored.contains(note.as_str());
    let lost: Vec<_> = totals.acknowledged.iter().filter(is_lost).collect();
    let mut figures = Figures::of("PostgreSQL is killed");
    figures.report("kills", totals.kills as f64);
    figures.report("calls rejected meanwhile", totals.rejected as f64);
    figures.none("calls with 500 or INTERNAL", totals.failed);
    figures.none("`/livez` that failed", living.failed);
    figures.within("`/livez`, longest", living.longest, Duration::from_secs(1));
    figures.within("not ready after, longest", totals.unready, Duration::from_secs(3));
    let first = "first success of each client after PostgreSQL accepts connections, longest";
    figures.within(first, totals.recovery, Duration::from_secs(2));
    figures.report("acknowledged writes", totals.acknowledged.len() as f64);
    figures.none("of these lost", lost.len());
    figures.check(|| format!("{lost:?}\n{}", world.log()));
}

/// Totals of all kills.
#[derive(Default)]
struct Totals {
    kills: usize,
    rejected: usize,
    failed: usize,
    acknowledged: Vec<String>,
    /// Longest time from a kill until `/readyz` fails.
    unready: Duration,
    /// Longest time from when PostgreSQL accepts connections until a client succeeds.
    recovery: Duration,
}

impl Totals {
    /// Kills PostgreSQL while all clients call.
    async fn kill(&mut self, cluster: &mut Cluster, world: &World, chats: &[Chat], round: usize) {
        let over = CancellationToken::new();
        let mut calling = JoinSet::new();
        for reader in Reader::for_every_protocol(world, &chats[0]) {
            let over = over.clone();
            calling.spawn(async { (reader.read_until(over).await, Vec::new()) });
        }
        for (number, chat) in chats.iter().enumerate() {
            calling.spawn(write_until(world.rest(), chat.clone(), format!("{round}-{number}"), over.clone()));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let killed = Instant::now();
        cluster.kill();
        self.unready = self.unready.max(until("not ready", async || !is_ready(world).await).await);
        tokio::time::sleep(sized(Duration::ZERO, Duration::from_secs(20).saturating_sub(killed.elapsed())))
            .await;
        cluster.revive().await;
        let accepts = Instant::now();
        until("ready", async || is_ready(world).await).await;
        // Long enough for every client to succeed once.
        tokio::time::sleep(Duration::from_secs(3)).await;
        over.cancel();
        for (calls, acknowledged) in calling.join_all().await {
            self.rejected += count(&calls, End::Rejected);
            self.failed += count(&calls, End::Failed);
            let served = calls.iter().find(|call| call.end == End::Served && call.ended > accepts);
            let served = served.unwrap_or_else(|| panic!("a client does not recover\n{}", world.log()));
            self.recovery = self.recovery.max(served.ended - accepts);
            self.acknowledged.extend(acknowledged);
        }
        self.kills += 1;
    }
}

/// Writes unique notes until `over` is cancelled. Returns the calls and the acknowledged notes.
pub(super) async fn write_until(
    rest: Rest,
    chat: Chat,
    name: String,
    over: CancellationToken,
) -> (Vec<Call>, Vec<String>) {
    let (mut calls, mut acknowledged) = (Vec::new(), Vec::new());
    while !over.is_cancelled() {
        let note = format!("{name}-{}", calls.len());
        let begun = Instant::now();
        let status = rest.patch(&chat, json!({"custom_properties": {"note": note}})).await.status;
        let call = Call { begun, ended: Instant::now(), end: End::of(status) };
        calls.push(call);
        if call.end == End::Served {
            acknowledged.push(note);
        }
        tokio::time::sleep(PAUSE).await;
    }
    (calls, acknowledged)
}
