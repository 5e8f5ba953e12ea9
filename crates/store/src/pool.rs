//! Connections to PostgreSQL: opened on demand, and evicted together when the server behind them has changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::Connection as _;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::r2d2::{
    Error as ConnectError, ManageConnection, NopErrorHandler, PooledConnection, R2D2Connection,
};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::connection::{StoreError, StoreResult};
use super::db_error::DbErrorClass;
use super::lanes::PoolOptions;
use super::routing;
use super::servers;
use super::statements::StatementTimer;
use super::timeline::Timeline;
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Result};
use switchboard_core::reloading::Reloading;
use switchboard_core::telemetry::metrics::{self, GaugeGuard};
use switchboard_core::telemetry::traces;

/// Minimum timeout for opening a connection. r2d2's backoff between two attempts is at most half of its timeout, so that this is
/// the timeout of all pools: with a longer one, they would find the new primary late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// `lock_timeout` of connections that have a statement timeout.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Threads that open and close the connections of all pools of a store.
const CONNECTING_THREADS: usize = 3;

/// A database, and what its pools share.
pub(super) struct Database {
    url: Reloading<Secret>,
    /// The current generation; connections of earlier ones are evicted.
    generation: Arc<AtomicU64>,
    scheduler: Arc<ScheduledThreadPool>,
}

/// The connections of a lane, shared by its clones.
#[derive(Clone)]
pub(super) struct Pool {
    pool: diesel::r2d2::Pool<Manager>,
    manager: Arc<Manager>,
    acquire_timeout: Duration,
}

/// A connection that returns to the pool when it is dropped.
pub(super) struct PoolConnection {
    // Dropped first: a connection that is closed on return was idle before.
    _in_use: GaugeGuard,
    pooled: PooledConnection<Manager>,
    manager: Arc<Manager>,
}

#[derive(Clone)]
struct Manager {
    url: Reloading<Secret>,
    /// Statements that set the settings: of every new connection, or of every transaction behind a connection pooler.
    settings: String,
    is_pooled: bool,
    generation: Arc<AtomicU64>,
}

struct Opened {
    connection: PgConnection,
    timeline: Option<Timeline>,
    generation: u64,
    /// The URL it was opened with.
    url: Arc<Secret>,
    _open: GaugeGuard,
}

impl Database {
    pub(super) fn new(url: Reloading<Secret>) -> Self {
        let threads = ScheduledThreadPool::builder().num_threads(CONNECTING_THREADS);
        let threads = threads.thread_name_pattern("db-connecting-{}");
        let scheduler = threads.on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled).build();
        Self { url, generation: Arc::default(), scheduler: Arc::new(scheduler) }
    }

    /// The present URL.
    pub(super) fn url(&self) -> Arc<Secret> {
        self.url.get()
    }
}

impl Pool {
    /// Creates a pool without opening a connection.
    pub(super) fn new(database: &Database, options: &PoolOptions) -> Self {
        let manager = Manager {
            url: database.url.clone(),
            settings: settings(options),
            is_pooled: options.is_pooled,
            generation: database.generation.clone(),
        };
        let pool = diesel::r2d2::Pool::builder()
            .thread_pool(database.scheduler.clone())
            .max_size(options.size)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(CONNECT_TIMEOUT)
            // The error is returned to the caller of `acquire`.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager.clone());
        Self { pool, manager: Arc::new(manager), acquire_timeout: options.acquire_timeout }
    }

    /// Acquires a connection of the current generation. Blocks while it is opened.
    pub(super) fn acquire(&self) -> Result<PoolConnection> {
        let begun = Instant::now();
        loop {
            let pooled = match self.pool.get() {
                Ok(pooled) => pooled,
                Err(_) if begun.elapsed() < self.acquire_timeout => continue,
                Err(error) => return Err(Error::unavailable(error)),
            };
            if self.manager.is_current(&pooled) {
                let _in_use = GaugeGuard::database_connection_in_use();
                return Ok(PoolConnection { _in_use, pooled, manager: self.manager.clone() });
            }
            // On return to the pool `has_broken` closes it.
        }
    }
}

impl PoolConnection {
    /// Evicts this connection and all older ones: the server they lead to is gone or takes no writes.
    pub(super) fn evict(&self) {
        let own = self.pooled.generation;
        let generation = &self.manager.generation;
        // Only the first of several callers evicts: connections opened since then are good.
        if generation.compare_exchange(own, own + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            metrics::evicted();
        }
    }

    /// Runs work that only reads. When the connection turns out to be lost, runs it once more on a new one.
    pub(super) fn read<T>(
        &mut self,
        deadline: Option<Instant>,
        work: impl Fn(&mut PgConnection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        if !self.manager.is_pooled {
            return self.retry_when_lost(deadline, work);
        }
        // For the settings.
        self.begin(deadline, "BEGIN", "")?;
        let outcome = work(self);
        // Nothing to keep; a connection that cannot end the transaction is broken and is replaced.
        let _ = self.batch_execute(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" });
        outcome
    }

    /// Begins a transaction with `begin` and runs `then` in it, in one round trip. Nothing is done yet, so a lost connection is
    /// replaced.
    pub(super) fn begin(&mut self, deadline: Option<Instant>, begin: &str, then: &str) -> StoreResult<()> {
        let settings = if self.manager.is_pooled { self.manager.settings.as_str() } else { "" };
        let statements = format!("{begin}; {settings}{then}");
        self.retry_when_lost(deadline, |connection| {
            let begun = routing::batch(connection, &statements);
            if begun.is_err() {
                // One of the statements after BEGIN failed.
                let _ = connection.batch_execute("ROLLBACK");
            }
            Ok(begun?)
        })
    }

    /// Runs work whose repetition has no effect.
    fn retry_when_lost<T>(
        &mut self,
        deadline: Option<Instant>,
        work: impl Fn(&mut PgConnection) -> StoreResult<T>,
    ) -> StoreResult<T> {
        match work(self) {
            Err(StoreError::Database(error))
                if DbErrorClass::of(&error) == DbErrorClass::ServerLost
                    && deadline.is_none_or(|deadline| Instant::now() < deadline) =>
            {
                self.reconnect()?;
                work(self)
            }
            outcome => outcome,
        }
    }

    /// Evicts this connection and opens another one in its place. Blocks.
    fn reconnect(&mut self) -> Result<()> {
        self.evict();
        *self.pooled = self.manager.connect().map_err(Error::unavailable)?;
        Ok(())
    }
}

impl Deref for PoolConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.pooled.connection
    }
}

impl DerefMut for PoolConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.pooled.connection
    }
}

impl Manager {
    /// Whether the connection was not evicted, and no other server has taken over.
    fn is_current(&self, opened: &Opened) -> bool {
        opened.generation == self.generation.load(Ordering::Relaxed)
            && !opened.timeline.is_some_and(Timeline::is_former)
    }
}

impl ManageConnection for Manager {
    type Connection = Opened;
    type Error = ConnectError;

    fn connect(&self) -> std::result::Result<Opened, ConnectError> {
        // Read first: an eviction while this connection is being opened includes it.
        let generation = self.generation.load(Ordering::Relaxed);
        let url = self.url.get();
        let connected = servers::connect(url.expose()).map_err(ConnectError::ConnectionError)?;
        let (mut connection, timeline) = connected;
        if self.is_pooled {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        } else {
            connection.batch_execute(&self.settings).map_err(ConnectError::QueryError)?;
        }
        routing::detect(&mut connection).map_err(ConnectError::QueryError)?;
        if metrics::are_enabled() || traces::are_recorded() {
            connection.set_instrumentation(StatementTimer::default());
        }
        Ok(Opened { connection, timeline, generation, url, _open: GaugeGuard::database_connection() })
    }

    fn is_valid(&self, opened: &mut Opened) -> std::result::Result<(), ConnectError> {
        opened.connection.ping().map_err(ConnectError::QueryError)
    }

    fn has_broken(&self, opened: &mut Opened) -> bool {
        std::thread::panicking()
            || !self.is_current(opened)
            || !self.url.is(&opened.url)
            || opened.connection.is_broken()
    }
}

/// JIT compilation takes half a second and pays off for long statements only. With a kind of plan disabled and no
/// alternative, the planner's cost estimate is huge and would trigger it for short ones.
const NO_JIT: &str = "jit = off";

/// No parallel workers: without values the planner assumes any part of a list.
const NO_WORKERS: &str = "max_parallel_workers_per_gather = 0";

/// Rows are looked up by key. A plan that was made while a table was small, or before it was analyzed, would otherwise read
/// all of it or all rows of an organization, and match them: a hundred times the work once a history was synced.
const BY_KEY: [&str; 3] = ["enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off"];

/// Statements that set the settings of a connection or of a transaction. Timeouts, because the server would go on after
/// its client gave up.
fn settings(options: &PoolOptions) -> String {
    let mut settings = vec![NO_JIT.to_owned()];
    settings.extend(BY_KEY.map(str::to_owned));
    if let Some(timeout) = options.statement_timeout {
        let timeout = timeout.as_millis().max(1);
        settings.push(NO_WORKERS.to_owned());
        settings.push(format!("statement_timeout = {timeout}"));
        settings.push(format!("lock_timeout = {}", LOCK_TIMEOUT.as_millis().min(timeout)));
        // An abandoned transaction would keep its locks; ours is never idle for as long as a statement may run.
        settings.push(format!("idle_in_transaction_session_timeout = {}", 2 * timeout));
    }
    let set = if options.is_pooled { "SET LOCAL" } else { "SET" };
    settings.iter().map(|setting| format!("{set} {setting}; ")).collect::<String>()
        + &generic_plans(options.is_pooled)
}

/// Generic plans, unless the database has a setting: a prepared statement is planned once per connection. Every statement is
/// written so that the same indexes fit all values; custom plans would take ten times as long as running it. With them, the
/// look-ups of foreign keys are planned for each row, too. A distributed database sets custom plans: see `distribution`.
fn generic_plans(is_local: bool) -> String {
    format!(
        "SELECT set_config('plan_cache_mode', 'force_generic_plan', {is_local}) \
         WHERE current_setting('plan_cache_mode') = 'auto'; "
    )
}
