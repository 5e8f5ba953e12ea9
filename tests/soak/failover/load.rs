//! All clients together, and what they say about a take-over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::clients::{self, Client, WRITERS};
use super::sender::Sent;
use super::watcher::{Change, Watcher};
use crate::soak::Figures;
use crate::soak::load::{End, count};
use crate::support::{Chat, Database, Sql, World};

/// How long the watch may take for the last changes.
const CATCH_UP: Duration = Duration::from_secs(20);

/// Running clients.
pub struct Load {
    clients: JoinSet<Client>,
    sending: JoinHandle<Sent>,
    watcher: Watcher,
    /// Ends the calls and the sender.
    over: CancellationToken,
    watch_over: CancellationToken,
}

/// What the clients experienced, summed over take-overs.
#[derive(Default)]
pub struct Outcome {
    rejected: usize,
    failed: usize,
    /// The longest times from when the new primary accepts writes until the first success.
    recovery: Duration,
    sender_recovery: Duration,
    watch_recovery: Duration,
    writes: usize,
    lost_writes: Vec<String>,
    events: i64,
    lost_events: Vec<String>,
    repeated_events: i64,
    misjudged_events: usize,
    changes: usize,
    reported_losses: usize,
    repeated_changes: usize,
    missed_changes: Vec<Change>,
    unreported_changes: Vec<Change>,
    outdated_chats: Vec<String>,
}

impl Load {
    /// The chats that the clients need.
    pub async fn chats(world: &World) -> Vec<Chat> {
        let mut chats = Vec::new();
        for _ in 0..WRITERS {
            chats.push(world.chat("Alice").await);
        }
        chats
    }

    /// Starts all clients.
    pub async fn start(world: &World, chats: &[Chat]) -> Self {
        let (over, watch_over) = (CancellationToken::new(), CancellationToken::new());
        let watcher = Watcher::start(world, chats, watch_over.clone()).await;
        let key = world.database.create_key(&world.org.id, "ingest", &[]);
        let sending = tokio::spawn(Sent::send_until(world.url(), key, over.clone()));
        Self { clients: clients::start(world, chats, &over), sending, watcher, over, watch_over }
    }

    /// Stops all clients. `accepts` is when the new primary began to accept writes, and `database` is there.
    pub async fn finish(self, world: &World, accepts: Instant, database: &Database) -> Outcome {
        let mut sql = database.sql();
        self.over.cancel();
        let mut outcome = Outcome::default();
        let clients = self.clients.join_all().await;
        let stored = "SELECT DISTINCT change.value ->> 1 AS value FROM events, jsonb_each(changes) change";
        let stored = texts(&mut sql, stored);
        for client in clients {
            outcome.add_client(&client, accepts, &stored, world);
        }
        let sent = self.sending.await.expect("a sender");
        outcome.add_sender(&sent, accepts, &texts(&mut sql, "SELECT message_id AS value FROM messages"));
        // Calls without a response, and events that were on their way, may still be stored.
        let until = Instant::now() + CATCH_UP;
        loop {
            outcome.missed_changes = self.watcher.missed(&mut sql);
            outcome.outdated_chats = self.watcher.outdated(&world.rest()).await;
            let is_complete = outcome.missed_changes.is_empty() && outcome.outdated_chats.is_empty();
            if is_complete || Instant::now() > until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.watch_over.cancel();
        outcome.add_watch(&self.watcher, accepts, &mut sql);
        outcome
    }
}

fn texts(sql: &mut Sql, query: &str) -> BTreeSet<String> {
    sql.rows(query).iter().filter_map(|row| row["value"].as_str().map(str::to_owned)).collect()
}

/// The time from then until the first of these moments after it; longer than any limit if there is none.
fn first_after(accepts: Instant, mut moments: impl Iterator<Item = Instant>) -> Duration {
    moments.find(|moment| *moment > accepts).map_or(Duration::from_secs(3600), |moment| moment - accepts)
}

impl Outcome {
    fn add_client(&mut self, client: &Client, accepts: Instant, stored: &BTreeSet<String>, world: &World) {
        self.rejected += count(&client.calls, End::Rejected);
        self.failed += count(&client.calls, End::Failed);
        let served = client.calls.iter().filter(|call| call.end == End::Served).map(|call| call.ended);
        assert!(served.clone().any(|ended| ended > accepts), "a client does not recover\n{}", world.log());
        self.recovery = self.recovery.max(first_after(accepts, served));
        self.writes += client.acknowledged.len();
        self.lost_writes.extend(client.acknowledged.iter().filter(|note| !stored.contains(*note)).cloned());
    }

    fn add_sender(&mut self, sent: &Sent, accepts: Instant, stored: &BTreeSet<String>) {
        self.sender_recovery = first_after(accepts, sent.answered.iter().copied());
        self.events = sent.acknowledged;
        self.lost_events = sent.stored().filter(|id| !stored.contains(id)).collect();
        self.repeated_events = sent.repeated;
        self.misjudged_events = sent.misjudged;
        self.failed += sent.failed;
    }

    fn add_watch(&mut self, watcher: &Watcher, accepts: Instant, sql: &mut Sql) {
        self.unreported_changes = watcher.unreported(sql);
        let ledger = watcher.ledger();
        self.watch_recovery = first_after(accepts, ledger.received.iter().copied());
        self.changes = ledger.changes.len();
        self.reported_losses = ledger.losses;
        self.repeated_changes = ledger.repeated;
        self.failed += ledger.failed;
    }

    /// Adds the outcome of another take-over.
    pub fn add(&mut self, other: Self) {
        self.rejected += other.rejected;
        self.failed += other.failed;
        self.recovery = self.recovery.max(other.recovery);
        self.sender_recovery = self.sender_recovery.max(other.sender_recovery);
        self.watch_recovery = self.watch_recovery.max(other.watch_recovery);
        self.writes += other.writes;
        self.lost_writes.extend(other.lost_writes);
        self.events += other.events;
        self.lost_events.extend(other.lost_events);
        self.repeated_events += other.repeated_events;
        self.misjudged_events += other.misjudged_events;
        self.changes += other.changes;
        self.reported_losses += other.reported_losses;
        self.repeated_changes += other.repeated_changes;
        self.missed_changes.extend(other.missed_changes);
        self.unreported_changes.extend(other.unreported_changes);
        self.outdated_chats.extend(other.outdated_chats);
    }

    /// Prints the figures and checks them. When nothing may be lost, a loss that was reported is one as well.
    pub fn check(self, promise: &'static str, may_lose: bool, log: impl FnOnce() -> String) {
        let mut figures = Figures::of(promise);
        let limit = Duration::from_secs(1);
        figures.report("calls rejected meanwhile", self.rejected as f64);
        figures.none("calls and streams with 500 or INTERNAL", self.failed);
        let first = "after the new primary accepts writes, longest";
        figures.within(&format!("first success of each client {first}"), self.recovery, limit);
        figures.within(&format!("first acknowledgement of an event {first}"), self.sender_recovery, limit);
        figures.report(
            &format!("first message of the watch {first}, ms"),
            self.watch_recovery.as_secs_f64() * 1e3,
        );
        figures.report("acknowledged writes", self.writes as f64);
        figures.report("acknowledged events", self.events as f64);
        let losses = [
            ("writes lost", self.lost_writes.len()),
            ("events that the sender had to send again", usize::try_from(self.repeated_events).unwrap_or(0)),
            ("reports of lost history", self.reported_losses),
        ];
        for (what, lost) in losses {
            if may_lose { figures.report(what, lost as f64) } else { figures.none(what, lost) }
        }
        figures.none("events lost", self.lost_events.len());
        figures.none("valid events rejected, or invalid ones not", self.misjudged_events);
        figures.report("changes watched", self.changes as f64);
        figures.none("changes missed", self.missed_changes.len());
        figures.none("changes received again", self.repeated_changes);
        figures.none("lost changes that were not reported", self.unreported_changes.len());
        figures.none("chats whose state the watch does not show", self.outdated_chats.len());
        figures.check(|| {
            let (missed, unreported) = (self.missed_changes, self.unreported_changes);
            let (lost, outdated) = ((self.lost_writes, self.lost_events), self.outdated_chats);
            let log = log();
            format!(
                "{log}\nmissed {missed:?}, unreported {unreported:?}, lost {lost:?}, outdated {outdated:?}"
            )
        });
    }
}
