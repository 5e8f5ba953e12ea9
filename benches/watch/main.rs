//! Measures the latency of watches: many subscribers receive every change, while chats change at a constant rate.
//!
//! PostgreSQL, the service and this client share one machine and one clock. The latency is the time since the change was made,
//! which is before its commit. A missing change fails the run; a high latency does not. `BENCH_WATCHERS` (default 500),
//! `BENCH_CHANGES` a second (default 200), `BENCH_SECONDS` (default 30).

#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/citus.rs"]
mod citus;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/cluster.rs"]
mod cluster;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/database.rs"]
mod database;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/disk.rs"]
mod disk;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/process.rs"]
mod process;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/programs.rs"]
mod programs;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/server.rs"]
mod server;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/sql.rs"]
mod sql;
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/usage.rs"]
mod usage;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cluster::Cluster;
use database::Database;
use prost_types::FieldMask;
use server::Server;
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::session_service_client::SessionServiceClient;
use switchboard::pb::{
    ChatChange, SessionChat, UpdateSessionChatRequest, WatchChatsRequest, WatchChatsResponse,
};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;
use tonic::{Request, Streaming};
use usage::{memory, processor_time};

/// The server binary.
const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

const PHONE: &str = "15550090001";
/// Chats that change in turn.
const CHATS: u64 = 1000;
/// Watches per connection.
const WATCHERS_EACH: u64 = 50;
/// How long the last changes may take before they count as lost.
const TIMEOUT: Duration = Duration::from_secs(30);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The latency of each change, in microseconds.
type Delays = Vec<u32>;

// One thread, so that the client uses at most one of the cores that it shares with the service.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let (watchers, rate) = (setting("BENCH_WATCHERS", 500)?, setting("BENCH_CHANGES", 200)?);
    let seconds = setting("BENCH_SECONDS", 30)?;
    let database = Cluster::get().await.migrated_database().await;
    let (session, key) = seed(&database);
    let server = Server::start(&database, "127.0.0.1:0", &[]).await;
    let (url, pid) = (format!("http://{}", server.address), server.process.id().ok_or("no process id")?);

    let changes = rate * seconds;
    let before = memory(pid, "VmRSS");
    let watching = watch(&url, &key, watchers, changes).await?;
    let (begun, used) = (Instant::now(), processor_time(pid));
    change(&url, &key, &session, changes, rate).await?;
    let elapsed = begun.elapsed();
    let mut delays = Delays::new();
    for watcher in watching.join_all().await {
        delays.extend(watcher?);
    }
    let service = processor_time(pid).saturating_sub(used);
    delays.sort_unstable();
    report(&Figures { watchers, changes, elapsed, service, memory: [before, memory(pid, "VmHWM")] }, &delays);
    Ok(())
}

fn setting(name: &str, default: u64) -> Outcome<u64> {
    Ok(std::env::var(name).map_or(Ok(default), |text| text.parse())?)
}

/// Creates a session with chats, and a key.
fn seed(database: &Database) -> (String, String) {
    let org = database.cli(&["org", "create", "--name", "Acme"]);
    let session = database.cli(&["session", "create", "--org", &org, "--phone", PHONE]);
    let key = database.cli(&["key", "create", "--org", &org, "--name", "bench", "--can", "read,send"]);
    database.sql().run_as(
        &org,
        &format!(
            "INSERT INTO chats (org_id, chat_id, type)
             SELECT '{org}', 15550100000 + n || '@c.us', 'user' FROM generate_series(0, {CHATS} - 1) n;
             INSERT INTO chat_addresses (org_id, address, chat_key) SELECT org_id, chat_id, chat_key FROM chats;
             INSERT INTO session_chats (org_id, session_id, chat_key) SELECT org_id, '{session}', chat_key FROM chats"
        ),
    );
    database.sql().run_as(&org, &sql::fill_lists(&format!("org_id = '{org}'")));
    database.admin().run("VACUUM ANALYZE");
    (session, key)
}

fn by<T>(key: &str, message: T) -> Outcome<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse()?);
    Ok(request)
}

/// Starts the watches. Each ends after that many changes.
async fn watch(url: &str, key: &str, watchers: u64, changes: u64) -> Outcome<JoinSet<Outcome<Delays>>> {
    let mut watching = JoinSet::new();
    let mut channel = Channel::from_shared(url.to_owned())?.connect().await?;
    for number in 0..watchers {
        if number % WATCHERS_EACH == 0 {
            channel = Channel::from_shared(url.to_owned())?.connect().await?;
        }
        let mut client = ChatServiceClient::new(channel.clone());
        let mut watch = client.watch_chats(by(key, WatchChatsRequest::default())?).await?.into_inner();
        if watch.message().await?.is_none_or(|first| first.change.is_some()) {
            return Err("a watch must start with a heartbeat".into());
        }
        watching.spawn(delays(watch, changes));
    }
    Ok(watching)
}

async fn delays(mut watch: Streaming<WatchChatsResponse>, changes: u64) -> Outcome<Delays> {
    let mut delays = Delays::new();
    let mut last = Instant::now();
    while (delays.len() as u64) < changes {
        let Some(item) = timeout(TIMEOUT, watch.message()).await?? else {
            return Err("a watch ended".into());
        };
        match item.change {
            Some(change) => {
                delays.push(delay(&change)?);
                last = Instant::now();
            }
            None if last.elapsed() > TIMEOUT => {
                return Err(format!("received {} of {changes} changes", delays.len()).into());
            }
            None => {}
        }
    }
    Ok(delays)
}

/// Microseconds since the change was made.
fn delay(change: &ChatChange) -> Outcome<u32> {
    let at = change.performed_at.ok_or("a change without a time")?;
    let at = Duration::new(at.seconds.try_into()?, at.nanos.try_into()?);
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.saturating_sub(at).as_micros().try_into()?)
}

/// Archives and unarchives chats at a constant rate, independent of the response time.
async fn change(url: &str, key: &str, session: &str, changes: u64, rate: u64) -> Outcome<()> {
    let channel = Channel::from_shared(url.to_owned())?.connect().await?;
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls: JoinSet<Outcome<()>> = JoinSet::new();
    for number in 0..changes {
        ticks.tick().await;
        let chat =
            SessionChat { archived: Some((number / CHATS).is_multiple_of(2)), ..SessionChat::default() };
        let request = by(
            key,
            UpdateSessionChatRequest {
                session_id: session.to_owned(),
                jid: format!("{}@s.whatsapp.net", 15_550_100_000 + number % CHATS),
                chat: Some(chat),
                update_mask: Some(FieldMask { paths: vec!["archived".to_owned()] }),
                ..UpdateSessionChatRequest::default()
            },
        )?;
        let mut client = SessionServiceClient::new(channel.clone());
        calls.spawn(async move {
            client.update_session_chat(request).await?;
            Ok(())
        });
        while let Some(call) = calls.try_join_next() {
            call??;
        }
    }
    calls.join_all().await.into_iter().collect()
}

struct Figures {
    watchers: u64,
    changes: u64,
    elapsed: Duration,
    /// Processor time of the service.
    service: Duration,
    /// Resident memory of the service before the watches, and its maximum, in KiB.
    memory: [u64; 2],
}

#[allow(clippy::cast_precision_loss, reason = "printed for people")]
fn report(figures: &Figures, delays: &[u32]) {
    let Figures { watchers, changes, elapsed, service, memory: [before, most] } = figures;
    let rate = *changes as f64 / elapsed.as_secs_f64();
    let at =
        |share: usize| delays.get(delays.len() * share / 1000).map_or(0.0, |micros| f64::from(*micros) / 1e3);
    let worst = delays.last().map_or(0.0, |micros| f64::from(*micros) / 1e3);
    println!(
        "| watchers | changes/s | received/s | p50 ms | p99 ms | p99.9 ms | worst ms | service CPU | memory MiB | a watcher KiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| {watchers} | {rate:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {worst:.1} | {:.0} % | {} → {} | {:.0} |",
        rate * *watchers as f64,
        at(500),
        at(990),
        at(999),
        100.0 * service.as_secs_f64() / elapsed.as_secs_f64(),
        before / 1024,
        most / 1024,
        most.saturating_sub(*before) as f64 / *watchers as f64,
    );
}
