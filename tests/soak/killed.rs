//! A database that is killed, is gone for a while, and comes back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Call, End, count, probe};
use super::readers::Reader;
use super::{Figures, PAUSE, is_ready, sized};
use crate::support::{Chat, Cluster, Rest, World, until};

/// Writers at a time, each in a chat of its own.
const WRITERS: usize = 4;

#[tokio::test]
async fn a_database_that_is_killed_costs_no_acknowledged_write_and_no_restart() {
    let mut cluster = Cluster::start(&["synchronous_commit=on"]).await;
    let world = World::alone_in(&cluster, &["--database-acquire-timeout", "250ms"]).await;
    let mut chats = Vec::new();
    for _ in 0..WRITERS {
        chats.push(world.chat("Alice").await);
    }
    let over = CancellationToken::new();
    let living = tokio::spawn({
        let (caller, over) = (world.anonymous(), over.clone());
        async move { probe(caller, "/livez", over).await }
    });
    let mut seen = Seen::default();
    for round in 0..sized(1, 10) {
        seen.kill(&mut cluster, &world, &chats, round).await;
    }
    over.cancel();
    let living = living.await.expect("a prober");

    let stored = "SELECT DISTINCT change.value ->> 1 AS value FROM events, jsonb_each(changes) change";
    let stored = world.sql().rows(stored);
    let stored: BTreeSet<_> = stored.iter().filter_map(|row| row["value"].as_str()).collect();
    let is_lost = |note: &&String| !stored.contains(note.as_str());
    let lost: Vec<_> = seen.acknowledged.iter().filter(is_lost).collect();
    let mut figures = Figures::of("the database is killed");
    figures.tell("kills", seen.kills as f64);
    figures.tell("calls that were turned away meanwhile", seen.turned_away as f64);
    figures.none("calls with 500 or INTERNAL", seen.failed);
    figures.none("`/livez` that failed", living.refused);
    figures.within("`/livez`, longest", living.longest, Duration::from_secs(1));
    figures.within("not ready after, longest", seen.unready, Duration::from_secs(3));
    let first = "first success of everyone after PostgreSQL accepts connections, longest";
    figures.within(first, seen.back, Duration::from_secs(2));
    figures.tell("acknowledged writes", seen.acknowledged.len() as f64);
    figures.none("of these lost", lost.len());
    figures.hold(|| format!("{lost:?}\n{}", world.log()));
}

/// What all kills together showed.
#[derive(Default)]
struct Seen {
    kills: usize,
    turned_away: usize,
    failed: usize,
    acknowledged: Vec<String>,
    /// The longest from a kill until `/readyz` said so.
    unready: Duration,
    /// The longest from when the database accepted connections again until somebody was served.
    back: Duration,
}

impl Seen {
    /// Kills the database while everybody calls.
    async fn kill(&mut self, cluster: &mut Cluster, world: &World, chats: &[Chat], round: usize) {
        let over = CancellationToken::new();
        let mut calling = JoinSet::new();
        for reader in Reader::at_every_door(world, &chats[0]) {
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
        // Long enough for everybody to be served once more.
        tokio::time::sleep(Duration::from_secs(3)).await;
        over.cancel();
        for (calls, acknowledged) in calling.join_all().await {
            self.turned_away += count(&calls, End::TurnedAway);
            self.failed += count(&calls, End::Failed);
            let served = calls.iter().find(|call| call.end == End::Served && call.ended > accepts);
            let served = served.unwrap_or_else(|| panic!("somebody is not served again\n{}", world.log()));
            self.back = self.back.max(served.ended - accepts);
            self.acknowledged.extend(acknowledged);
        }
        self.kills += 1;
    }
}

/// Writes notes that nobody wrote before until that is over. With those that were acknowledged.
async fn write_until(
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
