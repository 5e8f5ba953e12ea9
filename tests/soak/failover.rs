//! The primary is killed, and its synchronous standby takes over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::killed::write_until;
use super::load::{End, count};
use super::readers::Reader;
use super::{Figures, is_ready};
use crate::support::{Cluster, World, until};

const REPLICATED: [&str; 3] = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];

/// Number of concurrent writers, each with its own chat.
const WRITERS: usize = 4;

#[tokio::test]
async fn failover_loses_no_acknowledged_write() {
    let primary = Cluster::start(&REPLICATED).await;
    let first = World::alone_in(&primary, &[]).await;
    let mut chats = Vec::new();
    for _ in 0..WRITERS {
        chats.push(first.chat("Alice").await);
    }
    let standby = primary.standby(&REPLICATED).await;
    primary.admin().run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.admin().run("SELECT pg_reload_conf()");
    let replica = standby.replica_of(&first.database);
    let (_, standby_host) = replica.url.split_once("?host=").expect("a socket");
    let mut both = first.database.clone();
    both.url = format!("{},{standby_host}&target_session_attrs=read-write", first.database.url);
    let world = first.on(both, &[]).await;

    let over = CancellationToken::new();
    let mut calling = JoinSet::new();
    for reader in Reader::for_every_protocol(&world, &chats[0]) {
        let over = over.clone();
        calling.spawn(async { (reader.read_until(over).await, Vec::new()) });
    }
    for (number, chat) in chats.iter().enumerate() {
        calling.spawn(write_until(world.rest(), chat.clone(), number.to_string(), over.clone()));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    primary.kill();
    standby.admin().run("SELECT pg_promote()");
    let accepts = Instant::now();
    until("ready", async || is_ready(&world).await).await;
    // Long enough for every client to succeed once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    over.cancel();

    let stored = "SELECT DISTINCT change.value ->> 1 AS value FROM events, jsonb_each(changes) change";
    let stored = replica.sql().rows(stored);
    let stored: BTreeSet<_> = stored.iter().filter_map(|row| row["value"].as_str()).collect();
    let (mut rejected, mut failed, mut recovery) = (0, 0, Duration::ZERO);
    let mut acknowledged = Vec::new();
    for (calls, notes) in calling.join_all().await {
        rejected += count(&calls, End::Rejected);
        failed += count(&calls, End::Failed);
        let served = calls.iter().find(|call| call.end == End::Served && call.ended > accepts);
        let served = served.unwrap_or_else(|| panic!("a client does not recover\n{}", world.log()));
        recovery = recovery.max(served.ended - accepts);
        acknowledged.extend(notes);
    }
    let lost: Vec<_> = acknowledged.iter().filter(|note| !stored.contains(note.as_str())).collect();
    let mut figures = Figures::of("A synchronous standby takes over");
    figures.report("calls rejected meanwhile", rejected as f64);
    figures.none("calls with 500 or INTERNAL", failed);
    let first = "first success of each client after the standby accepts writes, longest";
    figures.within(first, recovery, Duration::from_secs(1));
    figures.report("acknowledged writes", acknowledged.len() as f64);
    figures.none("of these lost", lost.len());
    figures.check(|| format!("{lost:?}\n{}", world.log()));
}
