//! PostgreSQL: the only place that names diesel. A file per noun; this one has the pool and the two ways in.

pub mod chat_properties;
pub mod chats;
pub mod events;
pub mod idempotency;
pub mod ingest;
mod json;
pub mod keys;
mod keyset;
pub mod labels;
pub mod members;
pub mod message_views;
pub mod migrations;
pub mod orgs;
pub mod properties;
mod queue;
pub mod read_state;
pub mod readiness;
pub mod schema;
pub mod search;
pub mod session_chats;
pub mod session_lists;
pub mod sessions;
mod touch;
mod types;
mod views;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::Queue;
use crate::caller::Actor;
use crate::error::{Error, Result};
use crate::ids::OrgId;

/// What a closure given to [`Store::read`] or [`Store::write`] works with.
pub type Connection = PgConnection;

/// What such a closure returns. `?` turns diesel's errors into ours.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// How a closure failed: by the database, or by a rule that looked at what the database holds.
#[derive(Debug)]
pub enum StoreError {
    /// The database refused or is gone.
    Database(DieselError),
    /// A rule refused; the transaction is rolled back.
    Rule(Error),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Rule(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rule(error) => error,
            StoreError::Database(error) if is_disconnect(&error) => Self::unavailable(error),
            StoreError::Database(error) => Self::internal(error),
        }
    }
}

/// Whose rows a transaction may write, and who is told to have changed them.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The organization.
    pub org: OrgId,
    /// Whoever makes the changes.
    pub actor: Actor,
}

impl From<OrgId> for Writer {
    fn from(org: OrgId) -> Self {
        Self { org, actor: Actor::Operator }
    }
}

/// The pool, and a fair queue before it.
///
/// Small on purpose: about twice the database's cores beats a large pool, above all in the tail.
#[derive(Clone)]
pub struct Store {
    pool: Pool<ConnectionManager<PgConnection>>,
    // r2d2's own queue wakes whom it likes.
    queue: Queue,
}

const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 4;

impl Store {
    /// A store on that database. Connections are opened when they are needed: a database that is down is an error of
    /// the call, not of the start.
    pub fn new(database_url: &str, connections: u32) -> Self {
        let manager = ConnectionManager::<PgConnection>::new(database_url);
        let pool = Pool::builder()
            .max_size(connections)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(WAIT_FOR_CONNECTION)
            .build_unchecked(manager);
        Self { pool, queue: Queue::new(connections) }
    }

    /// Runs one statement that only reads, outside a transaction: one round trip.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        self.run(move |connection| work(connection)).await
    }

    /// Runs work in one transaction that may write to that organization's rows and no others. Serialization failures,
    /// deadlocks and rows whose parent was removed meanwhile are tried again, so the work may run more than once.
    pub async fn write<T, F>(&self, writer: impl Into<Writer>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let begin = begin(&writer.into());
        self.run(move |connection| {
            let mut attempt = 1;
            loop {
                match transaction(connection, &begin, &work) {
                    Err(StoreError::Database(error)) if attempt < ATTEMPTS && is_transient(&error) => {
                        attempt += 1
                    }
                    outcome => return outcome,
                }
            }
        })
        .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        let (pool, begins) = (self.pool.clone(), has_begun.clone());
        self.queue.push(move || {
            begins.store(true, Ordering::Relaxed);
            // Nobody waits any more: the call was cancelled, or it waited too long.
            if answer.is_closed() {
                return;
            }
            let outcome = pool.get().map_err(Error::unavailable);
            let _ = answer.send(outcome.and_then(|mut connection| Ok(work(&mut connection)?)));
        });
        let outcome = match timeout(WAIT_FOR_CONNECTION, &mut answered).await {
            Err(elapsed) if !has_begun.load(Ordering::Relaxed) => return Err(Error::unavailable(elapsed)),
            Err(_) => answered.await,
            Ok(outcome) => outcome,
        };
        outcome.map_err(Error::internal)?
    }
}

/// Begins a transaction and says whose it is: one round trip for all. Neither a UUID nor hex has anything to quote, and
/// PostgreSQL has no text with NUL.
fn begin(writer: &Writer) -> String {
    let Writer { org, actor } = writer;
    let actor: String =
        actor.to_string().bytes().filter(|byte| *byte != 0).map(|byte| format!("{byte:02x}")).collect();
    format!("BEGIN; SET LOCAL switchboard.org_id = '{org}'; SET LOCAL switchboard.actor = '{actor}'")
}

fn transaction<T>(
    connection: &mut Connection,
    begin: &str,
    work: &impl Fn(&mut Connection) -> StoreResult<T>,
) -> StoreResult<T> {
    connection.batch_execute(begin)?;
    match work(connection) {
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

fn is_transient(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, info) = error else { return false };
    // A missing parent was there when the row was prepared: another call removed it in between.
    matches!(kind, DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ForeignKeyViolation)
        || info.message() == "deadlock detected"
}

fn is_disconnect(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
}
