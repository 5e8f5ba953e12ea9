//! PostgreSQL: the only place that names diesel. A file per noun; this one has the pool and the two ways in.

pub mod chat_bulk;
pub mod chat_lists;
pub mod chat_properties;
pub mod chats;
pub mod commands;
pub mod events;
pub mod export;
mod failure;
pub mod idempotency;
pub mod ingest;
mod json;
pub mod keys;
mod keyset;
pub mod labels;
mod listener;
pub mod lists;
pub mod members;
pub mod message_lists;
pub mod message_views;
pub mod migrations;
pub mod orgs;
mod pool;
pub mod preflight;
pub mod properties;
mod queue;
pub mod read_state;
pub mod readiness;
pub mod schema;
pub mod search;
pub mod senders;
pub mod session_chats;
pub mod session_lists;
pub mod sessions;
mod snapshot;
mod statements;
mod touch;
mod types;
mod views;
mod watched;
pub mod webhook_deliveries;
pub mod webhook_turns;
pub mod webhooks;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

pub use self::failure::{StoreError, StoreResult};
pub use self::json::Json;
pub use self::listener::Listener;
pub use self::watched::name_of;
pub use self::writer::{LockMode, Writer};

use self::failure::DbErrorClass;
use self::pool::{Lease, Pool};
use self::queue::Queue;
use self::watched::Watched;
use crate::config::Secret;
use crate::deadline;
use crate::error::{Error, Kind, Result};
use crate::reloading::Reloading;
use crate::telemetry::current::{self, Current};
use crate::telemetry::metrics;

/// What a closure given to [`Store::read`] or [`Store::write`] works with.
pub type Connection = PgConnection;

/// How much a store asks of its database, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Connections. About twice the database's cores; more makes the tail worse.
    pub connections: u32,
    /// How long work waits for a connection that others use.
    pub wait: Duration,
    /// The longest a statement may run; `None` for as long as it takes.
    pub statement: Option<Duration>,
}

impl PoolOptions {
    /// For work that nobody waits for at the other end of a line.
    pub const fn unhurried(connections: u32) -> Self {
        Self { connections, wait: Duration::from_secs(5), statement: None }
    }
}

/// The pool, and a fair queue before it.
///
/// Small on purpose: about twice the database's cores beats a large pool, above all in the tail.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    // r2d2's own queue wakes whom it likes.
    queue: Queue,
    wait: Duration,
    wrote: Arc<Notify>,
}

/// How long a statement of a store that bounds its statements waits for a lock.
const LOCK: Duration = Duration::from_secs(2);

const ATTEMPTS: u32 = 4;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE: Duration = Duration::from_millis(5);

impl Store {
    /// A store on that database. Connections are opened when they are needed: a database that is down is an error of
    /// the call, not of the start. A URL that is replaced is used for those opened from then on.
    pub fn new(database_url: impl Into<Reloading<Secret>>, pool_options: PoolOptions) -> Self {
        let queue = Queue::new(pool_options.connections, pool_options.wait);
        let pool = Pool::new(database_url.into(), &pool_options);
        Self { pool, queue, wait: pool_options.wait, wrote: Arc::default() }
    }

    /// Another store on the same database, with connections of its own. What is written through either is told by both.
    pub fn beside(&self, database_url: impl Into<Reloading<Secret>>, pool_options: PoolOptions) -> Self {
        Self { wrote: self.wrote.clone(), ..Self::new(database_url, pool_options) }
    }

    /// Completes when something was written since it did last. For one who waits.
    pub async fn written(&self) {
        self.wrote.notified().await;
    }

    /// Runs one statement that only reads, outside a transaction: one round trip.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let name = name_of::<F>();
        self.run(name, move |lease, _| statements::read(name, || work(lease))).await
    }

    /// Runs work in one transaction that may write to that organization's rows and no others. Serialization failures,
    /// deadlocks, locks that others hold for long, rows whose parent was removed meanwhile, and what cannot be told from
    /// these are tried again within the call's deadline, so the work may run more than once.
    pub async fn write<T, F>(&self, writer: impl Into<Writer>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        self.write_as(name_of::<F>(), writer, work).await
    }

    /// [`Self::write`] under another name than that of whoever asks for it.
    pub async fn write_as<T, F>(&self, name: &'static str, writer: impl Into<Writer>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let (writer, wrote) = (writer.into(), self.wrote.clone());
        self.run(name, move |lease, deadline| {
            let mut attempt = 1;
            loop {
                match transaction(lease, &writer, deadline, &work) {
                    Ok(value) => {
                        wrote.notify_one();
                        return Ok(value);
                    }
                    Err(StoreError::Database(error))
                        if attempt < ATTEMPTS && pause(attempt, &error, deadline) =>
                    {
                        attempt += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        })
        .await
    }

    async fn run<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Lease, Option<Instant>) -> StoreResult<T> + Send + 'static,
    {
        let (deadline, call, asked) = (deadline::current(), current::get(), Instant::now());
        let (answer, mut answered) = oneshot::channel();
        // Whoever sets it first: the thread, which begins, or the caller, who gives up. What is told as not done is not done.
        let decided = Arc::new(AtomicBool::new(false));
        let (pool, decision) = (self.pool.clone(), decided.clone());
        self.queue.push(call.as_ref().and_then(Current::org), move || {
            // Nobody waits any more: it waited too long, or the call was cancelled.
            if decision.swap(true, Ordering::Relaxed) || answer.is_closed() {
                return;
            }
            let watched = Watched { name, call };
            let outcome = watched.wait(asked, || pool.take());
            let outcome =
                outcome.and_then(|mut lease| Ok(watched.work(|| bounded(&mut lease, deadline, work))?));
            let _ = answer.send(outcome);
        });
        let outcome = match timeout(self.wait, &mut answered).await {
            Ok(outcome) => Some(outcome),
            Err(_) if decided.swap(true, Ordering::Relaxed) => Some(answered.await),
            Err(_) => None,
        };
        match outcome {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) if decided.load(Ordering::Relaxed) => Err(Error::internal("the work panicked")),
            // It waited too long, or would have: the queue drops it.
            Some(Err(_)) | None => {
                metrics::shed("database_acquire_timeout");
                Err(Error::new(Kind::Overloaded, "too much to do right now, try again")
                    .caused_by("no connection to the database was free in time"))
            }
        }
    }
}

/// Does the work unless its time is up, and sees to the connections when the server behind them is gone.
fn bounded<T>(
    lease: &mut Lease,
    deadline: Option<Instant>,
    work: impl FnOnce(&mut Lease, Option<Instant>) -> StoreResult<T>,
) -> StoreResult<T> {
    // Opening the connection may have taken it.
    if is_over(deadline) {
        return Err(too_late().into());
    }
    let outcome = work(lease, deadline);
    if let Err(StoreError::Database(error)) = &outcome
        && DbErrorClass::of(error) == DbErrorClass::Server
    {
        lease.evict();
    }
    outcome
}

fn transaction<T>(
    connection: &mut Connection,
    writer: &Writer,
    deadline: Option<Instant>,
    work: &impl Fn(&mut Connection) -> StoreResult<T>,
) -> StoreResult<T> {
    // One round trip for all.
    let mut begin = writer.begin();
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
        begin.push_str(&format!("; SET LOCAL statement_timeout = {left}"));
    }
    begin.push_str("; ");
    begin.push_str(&writer.lock());
    connection.batch_execute(&begin)?;
    let outcome = work(connection).and_then(|value| match is_over(deadline) {
        // The caller has been told that the time is up.
        true => Err(too_late().into()),
        false => Ok(value),
    });
    match outcome {
        Ok(value) => {
            connection.batch_execute("COMMIT")?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one to tell; a connection that cannot roll back is broken and will be replaced.
            let _ = connection.batch_execute("ROLLBACK");
            Err(error)
        }
    }
}

/// Waits a moment before a transaction that others got in the way of is tried again. Says `false` when it is of no use.
#[expect(clippy::disallowed_methods, reason = "the thread is the queue's own, not the runtime's")]
fn pause(attempt: u32, error: &DieselError, deadline: Option<Instant>) -> bool {
    let state = match DbErrorClass::of(error) {
        DbErrorClass::Conflict(state) => state,
        DbErrorClass::Unknown => "unknown",
        DbErrorClass::Server | DbErrorClass::Timeout | DbErrorClass::Fault => return false,
    };
    // Those who met should not meet again.
    let pause = PAUSE.mul_f64(f64::from(1 << (attempt - 1)) * rand::random::<f64>());
    if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
        return false;
    }
    metrics::retried(state);
    tracing::debug!(state, attempt, "a transaction is tried again");
    std::thread::sleep(pause);
    true
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}

fn too_late() -> Error {
    Error::new(Kind::DeadlineExceeded, "the time for the call is up")
}
