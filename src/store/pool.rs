//! Connections to PostgreSQL: opened when they are needed, and given up together when the server behind them has changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{
    Error as ConnectError, ManageConnection, NopErrorHandler, PooledConnection, R2D2Connection,
};

use super::PoolOptions;
use super::statements::Statements;
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::reloading::Reloading;
use crate::telemetry::metrics::{self, Present};
use crate::telemetry::traces;

/// How long a new connection may take at least. Half of it is the longest pause between two tries.
const CONNECT: Duration = Duration::from_secs(1);

/// The connections of a store, shared by its clones.
#[derive(Clone)]
pub(super) struct Pool {
    pool: diesel::r2d2::Pool<Manager>,
    generation: Arc<AtomicU64>,
}

/// A connection, given back when it is dropped.
pub(super) struct Lease {
    // Dropped first: a connection that is closed when it is given back was idle before.
    _present: Present,
    lent: PooledConnection<Manager>,
    generation: Arc<AtomicU64>,
}

struct Manager {
    url: Reloading<Secret>,
    /// What is said on a new connection.
    greeting: String,
    /// Connections of earlier generations are given up.
    generation: Arc<AtomicU64>,
}

struct Connected {
    connection: PgConnection,
    generation: u64,
    /// Where to.
    url: Arc<Secret>,
    _present: Present,
}

impl Pool {
    /// Nothing is opened yet.
    pub(super) fn new(url: Reloading<Secret>, pool_options: &PoolOptions) -> Self {
        let generation = Arc::new(AtomicU64::new(0));
        let manager = Manager { url, greeting: greeting(pool_options), generation: generation.clone() };
        let pool = diesel::r2d2::Pool::builder()
            .max_size(pool_options.connections)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(pool_options.wait.max(CONNECT))
            // Whoever waits for the connection is told.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager);
        Self { pool, generation }
    }

    /// A connection of the present generation. Blocks while it is opened.
    pub(super) fn take(&self) -> Result<Lease> {
        loop {
            let lent = self.pool.get().map_err(Error::unavailable)?;
            if lent.generation == self.generation.load(Ordering::Relaxed) {
                let _present = Present::database_connection_in_use();
                return Ok(Lease { _present, lent, generation: self.generation.clone() });
            }
            // Given back, it is found broken.
        }
    }
}

impl Lease {
    /// Gives up this connection and those opened before: the server at their other end is not the one we need.
    pub(super) fn evict(&self) {
        let mine = self.lent.generation;
        // Only the first of several that notice: connections opened since are good.
        let evicted = self.generation.compare_exchange(mine, mine + 1, Ordering::Relaxed, Ordering::Relaxed);
        if evicted.is_ok() {
            metrics::evicted();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.lent.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lent.connection
    }
}

impl ManageConnection for Manager {
    type Connection = Connected;
    type Error = ConnectError;

    fn connect(&self) -> std::result::Result<Connected, ConnectError> {
        // Before anything else: what is given up while this one is opened includes it.
        let generation = self.generation.load(Ordering::Relaxed);
        let url = self.url.get();
        let mut connection = PgConnection::establish(url.expose()).map_err(ConnectError::ConnectionError)?;
        connection.batch_execute(&self.greeting).map_err(ConnectError::QueryError)?;
        if metrics::are_kept() || traces::are_recorded() {
            connection.set_instrumentation(Statements::default());
        }
        Ok(Connected { connection, generation, url, _present: Present::database_connection() })
    }

    fn is_valid(&self, connected: &mut Connected) -> std::result::Result<(), ConnectError> {
        connected.connection.ping().map_err(ConnectError::QueryError)
    }

    fn has_broken(&self, connected: &mut Connected) -> bool {
        std::thread::panicking()
            || connected.generation != self.generation.load(Ordering::Relaxed)
            || !self.url.is(&connected.url)
            || connected.connection.is_broken()
    }
}

/// Compiling a statement takes half a second and is meant for those that take longer: ours read and write few rows, also
/// where the planner, told to avoid a kind of plan and having no other, thinks they cost a fortune.
const NO_JIT: &str = "SET jit = off";

/// A statement is planned once for a connection, whatever it is asked with: each is written so that the same indexes are good
/// for all values. PostgreSQL would plan it anew at every call for as long as it thinks little of the rows that it happens to
/// be called with, which takes ten times as long as running it. What is about many rows, or about words, says otherwise.
///
/// Without the values a page may be any part of its list, as it were: no reason to start other processes for it.
const PLANNED_ONCE: &str =
    "SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0";

/// What holds for everything done on a connection. Bounds, because whoever waits for it may give up and the server would
/// go on.
fn greeting(pool_options: &PoolOptions) -> String {
    let Some(statement) = pool_options.statement else { return NO_JIT.to_owned() };
    let statement = statement.as_millis().max(1);
    // A transaction that its own client has forgotten holds locks: ours never pauses for as long as a statement may run.
    format!(
        "{NO_JIT}; {PLANNED_ONCE}; SET statement_timeout = {statement}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}",
        super::LOCK.as_millis().min(statement),
        2 * statement
    )
}
