//! Schema migrations: listing, applying and reverting.

use std::time::Duration;

use diesel::Connection as _;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::Instant;

use super::catalog::{__diesel_schema_migrations, pg_try_advisory_lock, to_regclass};
use super::connection::{Connection, StoreResult};
use crate::config::Secret;
use crate::error::{Error, Kind, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Key of the advisory lock held while the schema changes. Arbitrary, but must stay the same.
const LOCK_KEY: i64 = 0x5377_6974_6368;
const LOCK_POLL: Duration = Duration::from_millis(50);
/// Building an index over many messages takes long.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

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
    let connection = locked(connect(database_url).await?).await?;
    let run = |connection: &mut Connection| {
        let pending = list(connection)?.into_iter().filter(|migration| !migration.applied);
        let pending = pending.map(|migration| migration.name).collect();
        connection.run_pending_migrations(MIGRATIONS).map_err(Error::internal)?;
        Ok(pending)
    };
    blocking(connection, run).await.map(|(_, applied)| applied)
}

/// Reverts the newest applied migration and returns its name; `None` when there is none.
pub async fn revert(database_url: &Secret) -> Result<Option<String>> {
    let connection = locked(connect(database_url).await?).await?;
    let run = |connection: &mut Connection| {
        let newest = list(connection)?.into_iter().rfind(|migration| migration.applied);
        if newest.is_some() {
            connection.revert_last_migration(MIGRATIONS).map_err(Error::internal)?;
        }
        Ok(newest.map(|migration| migration.name))
    };
    blocking(connection, run).await.map(|(_, reverted)| reverted)
}

/// Opens a connection outside any pool.
pub(super) async fn connect(database_url: &Secret) -> Result<Connection> {
    let url = database_url.clone();
    let connecting = tokio::task::spawn_blocking(move || Connection::establish(url.expose()));
    connecting.await.map_err(Error::internal)?.map_err(Error::unavailable)
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
async fn locked(mut connection: Connection) -> Result<Connection> {
    let deadline = Instant::now() + LOCK_TIMEOUT;
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
