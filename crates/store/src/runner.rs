//! Runs work on the threads and connections of a lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::{StoreError, StoreResult, deadline_exceeded};
use super::db_error::DbErrorClass;
use super::lanes::{Lane, PoolOptions};
use super::pool::{Database, Pool, PoolConnection};
use super::queue::{Job, JobKind};
use super::transaction::is_past;
use super::work_span::WorkSpan;
use super::workers::Workers;
use switchboard_core::deadline;
use switchboard_core::error::{Error, Kind, Result};
use switchboard_core::ids::OrgId;
use switchboard_core::reloading::Reloading;
use switchboard_core::telemetry::current::{self, Current};
use switchboard_core::telemetry::metrics;

/// A lane.
pub(super) struct Runner {
    connections: Reloading<Connections>,
    database: Arc<Database>,
    lane: Lane,
    options: PoolOptions,
}

/// The threads and the connections of a lane.
struct Connections {
    pool: Pool,
    workers: Workers,
    abandoned: CancellationToken,
}

impl Connections {
    /// None yet.
    fn new(database: &Database, lane: Lane, options: &PoolOptions) -> Self {
        let workers = Workers::new(lane.thread_name(), options);
        Self { pool: Pool::new(database, options), workers, abandoned: CancellationToken::new() }
    }
}

impl Runner {
    /// Creates a lane without threads and connections yet.
    pub(super) fn new(database: &Arc<Database>, lane: Lane, options: PoolOptions) -> Self {
        let connections = Connections::new(database, lane, &options).into();
        Self { connections, database: Arc::clone(database), lane, options }
    }

    /// Replaces all threads and connections: their server does not answer. The work that they run fails for its callers. The
    /// threads end when the operating system closes the connections.
    pub(super) fn abandon(&self) {
        let abandoned = self.connections.get();
        self.connections.set(Connections::new(&self.database, self.lane, &self.options));
        abandoned.abandoned.cancel();
    }

    /// Maximum number of connections.
    pub(super) fn connections(&self) -> u32 {
        self.options.size
    }

    /// Runs work when a connection is free; rejects it after the acquire timeout. It counts for the organization of the call,
    /// otherwise for the given one.
    pub(super) async fn run<T, F>(
        &self,
        name: &'static str,
        (kind, org): (JobKind, Option<OrgId>),
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PoolConnection, Option<Instant>) -> StoreResult<T> + Send + 'static,
    {
        let (deadline, call, queued_at) = (deadline::current(), current::get(), Instant::now());
        let (connections, options) = (self.connections.get(), &self.options);
        let org = call.as_ref().and_then(Current::org).or(org);
        let (reply, mut replied) = oneshot::channel();
        // Set once: by the thread that starts the work, or by the caller that gives up. Rejected work never runs.
        let is_claimed = Arc::new(AtomicBool::new(false));
        let (pool, claim) = (connections.pool.clone(), is_claimed.clone());
        let work = Box::new(move || {
            // The caller gave up, or the call was cancelled.
            if claim.swap(true, Ordering::Relaxed) || reply.is_closed() {
                return;
            }
            let span = WorkSpan { name, call };
            let outcome = span.wait(queued_at, || pool.acquire()).and_then(|mut connection| {
                Ok(span.work(|| run_before_deadline(&mut connection, deadline, work))?)
            });
            let _ = reply.send(outcome);
        });
        connections.workers.submit(Job { org, kind, expires_at: queued_at + options.acquire_timeout, work });
        let outcome = match timeout(options.acquire_timeout, &mut replied).await {
            Ok(outcome) => Some(outcome),
            Err(_) if is_claimed.swap(true, Ordering::Relaxed) => tokio::select! {
                outcome = replied => Some(outcome),
                () = connections.abandoned.cancelled() => {
                    return Err(Error::unavailable("the database server does not answer"));
                }
            },
            Err(_) => None,
        };
        match outcome {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) if is_claimed.load(Ordering::Relaxed) => Err(Error::internal("the work panicked")),
            // The acquire timeout passed.
            Some(Err(_)) | None => {
                metrics::shed("database_acquire_timeout");
                Err(Error::new(Kind::Overloaded, "too much to do right now, try again")
                    .caused_by("no database connection was free within the acquire timeout"))
            }
        }
    }
}

/// Runs the work unless the deadline has passed.
/// Evicts the pool's connections when their server is lost.
fn run_before_deadline<T>(
    connection: &mut PoolConnection,
    deadline: Option<Instant>,
    work: impl FnOnce(&mut PoolConnection, Option<Instant>) -> StoreResult<T>,
) -> StoreResult<T> {
    // Opening the connection may have taken until now.
    if is_past(deadline) {
        return Err(deadline_exceeded().into());
    }
    let outcome = work(connection, deadline);
    if let Err(StoreError::Database(error)) = &outcome
        && DbErrorClass::of(error) == DbErrorClass::ServerLost
    {
        connection.evict();
    }
    outcome
}
