//! PostgreSQL: the only crate that names diesel. A file per noun; this one has the store and its transactions.

mod activity;
mod backoff;
mod bulk;
mod catalog;
pub mod chat_access;
pub mod chat_bulk;
pub mod chat_deletion;
pub mod chat_find;
pub mod chat_labels;
pub mod chat_lists;
pub mod chat_members;
mod chat_parts;
pub mod chat_properties;
pub mod chat_selector;
mod chat_view;
pub mod chats;
pub mod claims;
pub mod commands;
mod connection;
pub mod connection_leases;
pub mod connections;
mod db_error;
pub mod distribution;
pub mod events;
pub mod export;
pub mod full_text;
mod health;
pub mod idempotency;
pub mod inbound_events;
pub mod ingest;
mod interval;
mod json;
pub mod keys;
mod keyset;
pub mod labels;
pub mod lanes;
pub mod list_counts;
mod listener;
pub mod lists;
pub mod logins;
pub mod media;
pub mod media_objects;
pub mod members;
pub mod message_lists;
pub mod message_views;
pub mod migrations;
mod name_part;
pub mod note_lists;
pub mod notes;
mod org_rows;
mod org_signal;
mod org_views;
pub mod orgs;
mod pool;
pub mod preflight;
mod prepared;
pub mod properties;
mod queue;
pub mod quotas;
pub mod read_state;
pub mod readiness;
pub mod roles;
mod routing;
mod runner;
pub mod schema;
pub mod search;
pub mod send_queue;
pub mod send_views;
pub mod senders;
pub mod sends;
pub mod sent_messages;
mod servers;
mod session_chat_state;
pub mod session_chats;
pub mod session_lists;
pub mod sessions;
mod statements;
pub mod statistics;
mod timeline;
mod touch;
mod transaction;
mod views;
mod visibility;
pub mod webhook_deliveries;
pub mod webhook_queues;
pub mod webhooks;
mod work_span;
mod workers;
mod write_status;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use diesel::connection::SimpleConnection;

pub use self::connection::{Connection, StoreError, StoreResult, is_rejection};
pub use self::json::Json;
pub use self::lanes::{Lane, PoolOptions};
pub use self::listener::Listener;
pub use self::org_signal::{Changed, OrgSignal};
pub use self::transaction::Transaction;
pub use self::work_span::name_of;
pub use self::write_status::WriteProblem;
pub use self::writer::{LockMode, Writer};

use self::backoff::{MAX_ATTEMPTS, back_off};
use self::db_error::DbErrorClass;
use self::pool::{Database, PoolConnection};
use self::queue::JobKind;
use self::runner::Runner;
use self::write_status::WriteStatus;
use switchboard_core::config::{Quotas, Secret};
use switchboard_core::error::Result;
use switchboard_core::ids::OrgId;
use switchboard_core::reloading::Reloading;

/// A database, and the lane in which work on it is done. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    lane: Lane,
    quotas: Quotas,
}

struct Shared {
    database: Arc<Database>,
    runners: [Runner; Lane::ALL.len()],
    written: OrgSignal,
    writes: WriteStatus,
}

impl Store {
    /// Creates a store, with the lane of requests. Connections are opened on demand, so an unreachable database is an error of
    /// the call, and after a reload of the URL, new ones use the new one.
    pub fn new(database_url: impl Into<Reloading<Secret>>, requests: PoolOptions) -> Self {
        let database = Arc::new(Database::new(database_url.into()));
        let runners = Lane::ALL.map(|lane| Runner::new(&database, lane, lane.options(requests)));
        let shared =
            Shared { database, runners, written: OrgSignal::default(), writes: WriteStatus::default() };
        Self { shared: Arc::new(shared), lane: Lane::Requests, quotas: Quotas::NONE }
    }

    /// The store with limits on the rows of each organization.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// The limits on the rows of each organization.
    pub const fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// The same store with another lane.
    pub fn with_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// Maximum number of connections of the lane.
    pub fn connections(&self) -> u32 {
        self.runner().connections()
    }

    fn runner(&self) -> &Runner {
        &self.shared.runners[self.lane as usize]
    }

    /// The organizations of transactions that have committed events. For one task.
    pub fn written(&self) -> &OrgSignal {
        &self.shared.written
    }

    /// Runs one statement that only reads, outside a transaction: one round trip. When the pooled connection turns out to be
    /// lost, the work is run once more on a new one.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        self.read_named(name_of::<F>(), work).await
    }

    /// [`Self::read`] under a given name instead of the calling function's.
    pub async fn read_named<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let read = move |connection: &mut PoolConnection, deadline| connection.read(deadline, |c| work(c));
        self.run(name, (JobKind::Read, None), read).await
    }

    /// [`Self::read`] for frequent work whose first statement has the same text every time: metrics and traces name it once.
    pub async fn read_fixed<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        let name = name_of::<F>();
        self.read_named(name, move |connection| statements::named_once(name, || work(connection))).await
    }

    /// Runs work that only reads in one transaction with one snapshot. It occupies a connection until it is done.
    pub async fn snapshot<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
    {
        self.run(name_of::<F>(), (JobKind::Read, None), move |connection, deadline| {
            connection.begin(deadline, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "")?;
            let outcome = work(connection);
            // Nothing to keep; a connection that cannot roll back is broken and is replaced.
            let _ = connection.batch_execute("ROLLBACK");
            outcome
        })
        .await
    }

    /// Runs work in one transaction that may write rows of that organization only, and then inserts the events that it records.
    /// Serialization failures, deadlocks, lock timeouts, rows whose parent was deleted concurrently and an unavailable
    /// database are retried with backoff within the call's deadline, so the work may run more than once.
    pub async fn write<T, F>(&self, writer: impl Into<Writer>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Transaction<'_>) -> StoreResult<T> + Send + 'static,
    {
        self.write_named(name_of::<F>(), writer, work).await
    }

    /// [`Self::write`] under a given name instead of the calling function's.
    pub async fn write_named<T, F>(&self, name: &'static str, writer: impl Into<Writer>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Transaction<'_>) -> StoreResult<T> + Send + 'static,
    {
        let (writer, quotas, shared) = (writer.into(), self.quotas, self.shared.clone());
        self.run(name, (JobKind::Write, Some(writer.org)), move |connection, deadline| {
            let mut attempt = 1;
            loop {
                match transaction::run(connection, &writer, &quotas, deadline, &shared.writes, &work) {
                    Ok((value, has_events)) => {
                        if has_events {
                            shared.written.add(Changed::Orgs([writer.org].into()));
                        }
                        return Ok(value);
                    }
                    Err(StoreError::Database(error))
                        if attempt < MAX_ATTEMPTS && back_off(attempt, &error, deadline) =>
                    {
                        attempt += 1;
                    }
                    Err(error) => {
                        if let StoreError::Database(error) = &error {
                            shared.writes.failed(DbErrorClass::of(error));
                        }
                        return Err(error);
                    }
                }
            }
        })
        .await
    }

    async fn run<T, F>(&self, name: &'static str, of: (JobKind, Option<OrgId>), work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PoolConnection, Option<Instant>) -> StoreResult<T> + Send + 'static,
    {
        self.runner().run(name, of, work).await
    }
}
