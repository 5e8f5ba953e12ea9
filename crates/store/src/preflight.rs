//! Preflight checks of a database: what `switchboard doctor` reads from it.

use std::time::Duration;

use diesel::prelude::*;

use super::catalog::{
    clock_timestamp, current_setting, current_setting_if_any, pg_class, pg_index, row_security_active,
    to_regclass,
};
use super::connection::{Connection, StoreResult};
use super::migrations::{blocking, connect};
use super::readiness::{self, Schema, ServerRole};
use switchboard_core::config::{Secret, with_session_setting};
use switchboard_core::error::{Error, Kind, Result};
use switchboard_core::instant::Instant;

/// Timeout of all checks together.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The findings.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// The state of the schema.
    pub schema: Schema,
    /// The role of the server.
    pub role: ServerRole,
    /// Whether row level security applies to the role; `None` without tables.
    pub row_security: Option<bool>,
    /// Indexes that are being built, or whose build failed.
    pub invalid_indexes: Vec<String>,
    /// Number of connections available to all clients without superuser rights.
    pub connections: u32,
    /// How far the database's clock is ahead of ours, in microseconds, accurate to half of the round trip.
    pub clock_ahead: i64,
}

/// Runs all checks on a connection of their own.
pub async fn check(database_url: &Secret) -> Result<Preflight> {
    on_new_connection(database_url, |connection| {
        let before = Instant::now().micros();
        let theirs: Instant = diesel::select(clock_timestamp()).get_result(connection)?;
        let ours = before.midpoint(Instant::now().micros());
        Ok(Preflight {
            clock_ahead: theirs.micros() - ours,
            schema: readiness::schema(connection)?,
            role: readiness::server_role(connection)?,
            row_security: row_security_applies(connection)?,
            invalid_indexes: invalid_indexes(connection)?,
            connections: setting(connection, "max_connections")?
                .saturating_sub(setting(connection, "superuser_reserved_connections")?),
        })
    })
    .await
}

/// A session setting that a server has and a connection pooler rejects or drops.
const MARK: &str = "switchboard.direct";

/// Whether the URL leads to a server, not to a connection pooler.
pub async fn is_direct(database_url: &Secret) -> Result<bool> {
    let marked = with_session_setting(database_url, MARK, "yes");
    let read = |connection: &mut Connection| -> StoreResult<Option<String>> {
        Ok(diesel::select(current_setting_if_any(MARK, true)).get_result(connection)?)
    };
    match on_new_connection(&marked, read).await {
        Ok(value) => Ok(value.as_deref() == Some("yes")),
        // Unreachable, unless it is without the setting.
        Err(error) => on_new_connection(database_url, |_| Ok(())).await.map(|()| false).map_err(|_| error),
    }
}

/// Whether row level security applies to the role. `None` without tables.
pub async fn row_security(database_url: &Secret) -> Result<Option<bool>> {
    on_new_connection(database_url, row_security_applies).await
}

async fn on_new_connection<T: Send + 'static>(
    database_url: &Secret,
    work: fn(&mut Connection) -> StoreResult<T>,
) -> Result<T> {
    let running = async { blocking(connect(database_url).await?, work).await };
    let timed_out = |_| Error::new(Kind::Unavailable, "the database does not answer in time");
    Ok(tokio::time::timeout(TIMEOUT, running).await.map_err(timed_out)??.1)
}

/// Checks one table: all have the same policies, which superusers and roles with BYPASSRLS bypass.
fn row_security_applies(connection: &mut Connection) -> StoreResult<Option<bool>> {
    if !diesel::select(to_regclass("chats").is_not_null()).get_result(connection)? {
        return Ok(None);
    }
    Ok(Some(diesel::select(row_security_active("chats")).get_result(connection)?))
}

fn invalid_indexes(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let invalid = pg_index::table.inner_join(pg_class::table).filter(pg_index::indisvalid.eq(false));
    invalid.select(pg_class::relname).order(pg_class::relname).load(connection)
}

fn setting(connection: &mut Connection, name: &str) -> StoreResult<u32> {
    let text: String = diesel::select(current_setting(name)).get_result(connection)?;
    Ok(text.parse().map_err(Error::internal)?)
}
