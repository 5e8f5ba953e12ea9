//! A standby takes over: nothing acknowledged is lost when it is synchronous, and every client recovers.

mod clients;
mod load;
mod sender;
mod watcher;

use std::time::{Duration, Instant};

use self::load::{Load, Outcome};
use super::{DEFAULT_TIMEOUTS, sized};
use crate::support::{Cluster, World, until};

const REPLICATED: [&str; 3] = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];

/// Why another server takes over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL.
    Kill,
    /// A planned switchover.
    Switchover,
    /// The primary hangs (SIGSTOP) until it is fenced.
    Freeze,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Synchronous,
    /// The standby has not received the last changes, unless the switchover is planned.
    Asynchronous,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_primary_with_a_synchronous_standby() {
    check("A primary is killed, synchronous", Fault::Kill, Mode::Synchronous).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_primary_with_an_asynchronous_standby() {
    check("A primary is killed, asynchronous", Fault::Kill, Mode::Asynchronous).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switchover_to_a_synchronous_standby() {
    check("Switchover, synchronous", Fault::Switchover, Mode::Synchronous).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switchover_to_an_asynchronous_standby() {
    check("Switchover, asynchronous", Fault::Switchover, Mode::Asynchronous).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_primary_with_a_synchronous_standby() {
    check("A primary hangs, synchronous", Fault::Freeze, Mode::Synchronous).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_primary_with_an_asynchronous_standby() {
    check("A primary hangs, asynchronous", Fault::Freeze, Mode::Asynchronous).await;
}

async fn check(promise: &'static str, fault: Fault, mode: Mode) {
    let (mut total, mut logs) = (Outcome::default(), String::new());
    for _ in 0..sized(1, 3) {
        let (outcome, log) = take_over(fault, mode).await;
        total.add(outcome);
        logs.push_str(&log);
    }
    let may_lose = mode == Mode::Asynchronous && fault != Fault::Switchover;
    total.check(promise, may_lose, || logs);
}

/// One take-over under load. Returns its outcome and the log of the service.
async fn take_over(fault: Fault, mode: Mode) -> (Outcome, String) {
    let primary = Cluster::start(&REPLICATED).await;
    let first = World::alone_in(&primary, &[]).await;
    let chats = Load::chats(&first).await;
    let standby = primary.standby(&REPLICATED).await;
    let mut admin = primary.admin();
    if mode == Mode::Synchronous {
        admin.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        admin.run("SELECT pg_reload_conf()");
    }
    let expected = if mode == Mode::Synchronous { "sync" } else { "async" };
    let replicating = format!("pg_stat_replication WHERE state = 'streaming' AND sync_state = '{expected}'");
    until("the standby is streaming", async || admin.count(&replicating) == 1).await;
    let replica = standby.replica_of(&first.database);
    let world = first.on(standby.beside(&first.database), &DEFAULT_TIMEOUTS).await;
    first.stop().await;

    let load = Load::start(&world, &chats).await;
    tokio::time::sleep(sized(Duration::from_secs(1), Duration::from_secs(3))).await;
    if mode == Mode::Asynchronous && fault != Fault::Switchover {
        primary.stop_sending();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    drop(admin);
    fail(&primary, fault).await;
    standby.promote().await;
    let accepts = Instant::now();
    // Long enough for every client to succeed.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let outcome = load.finish(&world, accepts, &replica).await;
    (outcome, world.log())
}

async fn fail(primary: &Cluster, fault: Fault) {
    match fault {
        Fault::Kill => primary.kill(),
        Fault::Switchover => primary.stop().await,
        Fault::Freeze => {
            let _paused = primary.pause();
            tokio::time::sleep(sized(Duration::from_secs(1), Duration::from_secs(10))).await;
            primary.kill();
        }
    }
}
