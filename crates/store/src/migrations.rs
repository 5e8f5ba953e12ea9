//! Schema migrations: listing, applying and reverting, while the service runs.
//!
//! A statement that waits for a lock holds up every later statement on the table. So a migration waits for a moment only,
//! and is tried again. `docs/operations.md` has the rules for migrations.

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use diesel::Connection as _;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::migration::{Migration as SourceMigration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::catalog::{__diesel_schema_migrations, pg_try_advisory_lock, to_regclass};
use super::connection::{Connection, StoreResult};
use super::servers;
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Kind, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock held while the schema changes. Arbitrary, but must stay the same.
const LOCK_KEY: i64 = 0x5377_6974_6368;
const LOCK_POLL: Duration = Duration::from_millis(50);
/// Building an index over many messages takes long.
const LOCK_LIMIT: Duration = Duration::from_secs(600);

/// How long a migration waits for a lock on a table; requests on that table wait behind it.
const TABLE_LOCK: Duration = Duration::from_millis(500);
/// Pause before the next attempt, in which requests go on.
const TABLE_LOCK_PAUSE: Duration = Duration::from_millis(1500);
/// How long a migration is tried.
const TABLE_LOCK_LIMIT: Duration = Duration::from_secs(600);

const OTHER_SCHEMA: &str = "the database has the tables of a version of switchboard from which no migration leads to this one: \
    use an empty database, and export and import with that version to keep its data";

/// A server process ends soon after its client was killed, and with it the locks. PostgreSQL 14 and later, on Linux.
const END_WITH_CLIENT: &str = "SET client_connection_check_interval = '1s'";

/// A migration of this program, or one that a newer program applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, which begins with its version.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// All migrations, oldest first. Only reads.
pub async fn status(database_url: &Secret) -> Result<Vec<Migration>> {
    blocking(connect(database_url).await?, list).await.map(|(_, migrations)| migrations)
}

/// Applies the pending migrations and returns their names. Concurrent calls wait.
pub async fn up(database_url: &Secret) -> Result<Vec<String>> {
    up_from(database_url, MIGRATIONS).await
}

/// [`up`] with the migrations of that source.
pub async fn up_from<S>(database_url: &Secret, source: S) -> Result<Vec<String>>
where
    S: MigrationSource<Pg> + Send + 'static,
{
    let connection = locked(connect(database_url).await?).await?;
    let run = move |connection: &mut Connection| {
        let applied = applied(connection)?;
        let is_new = applied.is_empty();
        // The first migration creates all tables, so a database with others only has those of another schema.
        if !is_new && known()?.iter().min().is_some_and(|first| !applied.contains(first)) {
            return Err(Error::new(Kind::FailedPrecondition, OTHER_SCHEMA).into());
        }
        let pending = connection.pending_migrations(source).map_err(Error::internal)?;
        for migration in &pending {
            try_until_locked(connection, migration, |connection| {
                connection.run_migration(migration).map(drop)
            })?;
        }
        // The planner would take new tables for empty ones, and statements are planned once.
        if !pending.is_empty() && !is_new {
            connection.batch_execute("ANALYZE")?;
        }
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    };
    blocking(connection, run).await.map(|(_, applied)| applied)
}

/// Updates the planner's statistics, after rows were written in bulk. Tables that the role does not own are skipped.
pub async fn analyze(database_url: &Secret) -> Result<()> {
    blocking(connect(database_url).await?, |connection| Ok(connection.batch_execute("ANALYZE")?))
        .await
        .map(|_| ())
}

/// Reverts the newest applied migration and returns its name; `None` when there is none.
pub async fn revert(database_url: &Secret) -> Result<Option<String>> {
    let connection = locked(connect(database_url).await?).await?;
    let run = |connection: &mut Connection| {
        let Some(newest) = list(connection)?.into_iter().rfind(|migration| migration.applied) else {
            return Ok(None);
        };
        let embedded = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
        let found = embedded.into_iter().find(|migration| migration.name().to_string() == newest.name);
        let migration = found.ok_or_else(|| {
            Error::new(
                Kind::FailedPrecondition,
                "a newer program applied the newest migration: revert it with that one",
            )
        })?;
        try_until_locked(connection, &migration, |connection| {
            connection.revert_migration(&migration).map(drop)
        })?;
        Ok(Some(newest.name))
    };
    blocking(connection, run).await.map(|(_, reverted)| reverted)
}

/// Changes the schema with a migration. While others hold locks on its tables, tries again.
///
/// A migration outside a transaction takes no lock that requests wait for (`CREATE INDEX CONCURRENTLY`), but waits for
/// running transactions, so its wait has no limit.
#[expect(clippy::disallowed_methods, reason = "it runs on a blocking thread, not on the runtime's")]
fn try_until_locked(
    connection: &mut Connection,
    migration: &dyn SourceMigration<Pg>,
    change: impl Fn(&mut Connection) -> diesel::migration::Result<()>,
) -> StoreResult<()> {
    let limit = if migration.metadata().run_in_transaction() { TABLE_LOCK } else { Duration::ZERO };
    let deadline = Instant::now() + TABLE_LOCK_LIMIT;
    loop {
        connection.batch_execute(&format!("SET lock_timeout = {}", limit.as_millis()))?;
        let changed = change(connection);
        connection.batch_execute("RESET lock_timeout")?;
        match changed {
            Ok(()) => return Ok(()),
            Err(error) if is_lock_timeout(error.as_ref()) && Instant::now() < deadline => {
                tracing::info!(migration = %migration.name(), "a lock is held by others, trying again");
                std::thread::sleep(TABLE_LOCK_PAUSE);
            }
            Err(error) => return Err(Error::internal(error).into()),
        }
    }
}

/// diesel's error of a migration contains the server's message only.
fn is_lock_timeout(error: &(dyn StdError + Send + Sync)) -> bool {
    let message = error.to_string();
    ["canceling statement due to lock timeout", "deadlock detected"].iter().any(|part| message.contains(part))
}

/// Opens a connection outside any pool. It prepares no statements, so that it works behind a connection pooler.
pub(super) async fn connect(database_url: &Secret) -> Result<Connection> {
    let url = database_url.clone();
    let connecting = tokio::task::spawn_blocking(move || servers::connect(url.expose()));
    let (mut connection, _) = connecting.await.map_err(Error::internal)?.map_err(Error::unavailable)?;
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(connection)
}

/// Runs work on tokio's blocking threads and returns the connection with the result.
pub(super) async fn blocking<T, F>(mut connection: Connection, work: F) -> Result<(Connection, T)>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
{
    let running = tokio::task::spawn_blocking(move || work(&mut connection).map(|value| (connection, value)));
    Ok(running.await.map_err(Error::internal)??)
}

/// Takes the lock, which the connection holds until it closes. Polls for it: a blocking statement would hold a
/// snapshot, for which `CREATE INDEX CONCURRENTLY` of the lock's holder waits in turn.
pub(super) async fn locked(mut connection: Connection) -> Result<Connection> {
    let deadline = Instant::now() + LOCK_LIMIT;
    // Older servers do not have the setting.
    (connection, ()) = blocking(connection, |connection| {
        let _ = connection.batch_execute(END_WITH_CLIENT);
        Ok(())
    })
    .await?;
    loop {
        let try_lock = |connection: &mut Connection| {
            Ok(diesel::select(pg_try_advisory_lock(LOCK_KEY)).get_result(connection)?)
        };
        let is_locked: bool;
        (connection, is_locked) = blocking(connection, try_lock).await?;
        if is_locked {
            return Ok(connection);
        }
        if Instant::now() > deadline {
            return Err(Error::new(Kind::Aborted, "another migration has not ended within 10 minutes"));
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// All migrations, oldest first. Not with diesel's functions, which create their table: that takes a privileged role.
fn list(connection: &mut Connection) -> StoreResult<Vec<Migration>> {
    let applied = applied(connection)?;
    let embedded = embedded()?;
    let foreign = applied.iter().filter(|version| embedded.iter().all(|(own, _)| own != *version));
    let foreign = foreign.map(|version| Migration { name: version.clone(), applied: true });
    let mut migrations: Vec<_> = foreign.collect();
    migrations.extend(
        embedded.into_iter().map(|(version, name)| Migration { applied: applied.contains(&version), name }),
    );
    migrations.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(migrations)
}

/// Version and name of the migrations in this program.
fn embedded() -> StoreResult<Vec<(String, String)>> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    let names = migrations.iter().map(|migration| migration.name());
    Ok(names.map(|name| (name.version().to_string(), name.to_string())).collect())
}

/// Versions of the migrations in this program.
pub(super) fn known() -> StoreResult<Vec<String>> {
    Ok(embedded()?.into_iter().map(|(version, _)| version).collect())
}

/// Versions of the migrations that the database has.
pub(super) fn applied(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let table = to_regclass("__diesel_schema_migrations");
    if !diesel::select(table.is_not_null()).get_result(connection)? {
        return Ok(Vec::new());
    }
    __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(connection)
}
