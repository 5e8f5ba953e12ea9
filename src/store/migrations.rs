//! The schema: what the database has of it, and bringing it forward and back.

use std::time::Duration;

use diesel::Connection as _;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::readiness::{self, Schema};
use super::{Connection, StoreResult};
use crate::config::Secret;
use crate::error::{Error, Kind, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Held by whoever changes the schema. Any number does, as long as it stays the same.
const LOCK: i64 = 0x5377_6974_6368;
const LOCK_POLL: Duration = Duration::from_millis(50);
/// Building an index over many messages takes its time.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

#[diesel::declare_sql_function]
#[allow(missing_docs)]
extern "SQL" {
    fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
    fn to_regclass(name: diesel::sql_types::Text) -> diesel::sql_types::Nullable<diesel::sql_types::Oid>;
}

diesel::table! {
    /// Kept by diesel.
    __diesel_schema_migrations (version) {
        /// The migration's version.
        version -> VarChar,
    }
}

/// A migration this program knows, or one that the database has had from a newer one.
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

/// Refuses a database whose schema is not the one this program needs, in words that name the command that mends it.
pub async fn require_current(database_url: &Secret) -> Result<()> {
    match blocking(connect(database_url).await?, readiness::schema).await? {
        (_, Schema::Current) => Ok(()),
        (_, schema) => Err(Error::new(Kind::FailedPrecondition, schema.to_string())),
    }
}

/// Applies what is pending and says what that was. Others that try the same wait.
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

/// Takes the newest applied migration back and says which that was; `None` when there is none.
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

pub(super) async fn connect(database_url: &Secret) -> Result<Connection> {
    let url = database_url.clone();
    let connecting = tokio::task::spawn_blocking(move || Connection::establish(url.expose()));
    connecting.await.map_err(Error::internal)?.map_err(Error::unavailable)
}

/// Runs work on a connection where blocking is no harm, and gives the connection back.
pub(super) async fn blocking<T, F>(mut connection: Connection, work: F) -> Result<(Connection, T)>
where
    T: Send + 'static,
    F: FnOnce(&mut Connection) -> StoreResult<T> + Send + 'static,
{
    let running = tokio::task::spawn_blocking(move || work(&mut connection).map(|value| (connection, value)));
    Ok(running.await.map_err(Error::internal)??)
}

/// Takes the lock by asking again and again: a statement that waits for it would hold a snapshot, for which
/// `CREATE INDEX CONCURRENTLY` of the one who has the lock waits in turn. It ends with the connection.
async fn locked(mut connection: Connection) -> Result<Connection> {
    let deadline = tokio::time::Instant::now() + LOCK_TIMEOUT;
    loop {
        let try_lock = |connection: &mut Connection| {
            Ok(diesel::select(pg_try_advisory_lock(LOCK)).get_result(connection)?)
        };
        let is_ours: bool;
        (connection, is_ours) = blocking(connection, try_lock).await?;
        if is_ours {
            return Ok(connection);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(Error::new(Kind::Aborted, "another migration has not ended within 10 minutes"));
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// All migrations, oldest first. Without diesel's own functions for it, which create their table: a role that may only use the schema cannot.
pub(super) fn list(connection: &mut Connection) -> StoreResult<Vec<Migration>> {
    let applied = applied(connection)?;
    let known = diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    let mut migrations: Vec<_> = known
        .iter()
        .map(|migration| {
            let applied = applied.contains(&migration.name().version().to_string());
            Migration { name: migration.name().to_string(), applied }
        })
        .collect();
    let is_known =
        |version: &String| known.iter().any(|known| known.name().version().to_string() == *version);
    let unknown = applied.into_iter().filter(|version| !is_known(version));
    migrations.extend(unknown.map(|version| Migration { name: version, applied: true }));
    migrations.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(migrations)
}

/// Versions of the migrations that this program has.
pub(super) fn known() -> StoreResult<Vec<String>> {
    let known = diesel::migration::MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// Versions of the migrations that the database has had.
pub(super) fn applied(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let table = to_regclass("__diesel_schema_migrations");
    if !diesel::select(table.is_not_null()).get_result(connection)? {
        return Ok(Vec::new());
    }
    __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(connection)
}
