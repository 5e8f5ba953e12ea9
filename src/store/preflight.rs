//! Whether a database is fit for the service: what `switchboard doctor` asks it.

use std::time::Duration;

use diesel::prelude::*;

use super::migrations::{blocking, connect};
use super::readiness::{self, Schema};
use super::{Connection, StoreResult, chats};
use crate::config::Secret;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

/// How long its answers may take, all together.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What there is to know.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// What its schema is to this program.
    pub schema: Schema,
    /// Whether row level security binds the role; `None` while there are no tables.
    pub row_security: Option<bool>,
    /// Indexes that are being built, or could not be.
    pub invalid_indexes: Vec<String>,
    /// Connections that those who are no superusers can have, all programs together.
    pub connections: u32,
    /// How far its clock is ahead of ours (negative: behind), in microseconds, give or take half of the round trip.
    pub clock_ahead: i64,
}

#[diesel::declare_sql_function]
#[allow(missing_docs)]
extern "SQL" {
    fn current_setting(name: diesel::sql_types::Text) -> diesel::sql_types::Text;
    fn row_security_active(table: diesel::sql_types::Text) -> diesel::sql_types::Bool;
    fn to_regclass(name: diesel::sql_types::Text) -> diesel::sql_types::Nullable<diesel::sql_types::Oid>;
}

diesel::table! {
    /// Indexes, as PostgreSQL keeps them.
    pg_index (indexrelid) {
        /// Its own entry among tables and indexes.
        indexrelid -> Oid,
        /// Whether it can be used.
        indisvalid -> Bool,
    }
}

diesel::table! {
    /// Tables and indexes.
    pg_class (oid) {
        /// Its number.
        oid -> Oid,
        /// What it is called.
        relname -> Text,
    }
}

diesel::joinable!(pg_index -> pg_class (indexrelid));
diesel::allow_tables_to_appear_in_same_query!(pg_index, pg_class);

/// Asks all of it, on a connection of its own.
pub async fn examine(database_url: &Secret) -> Result<Preflight> {
    on_a_connection(database_url, |connection| {
        let before = Instant::now().micros();
        let theirs: Instant = diesel::select(chats::clock_timestamp()).get_result(connection)?;
        let ours = before.midpoint(Instant::now().micros());
        Ok(Preflight {
            clock_ahead: theirs.micros() - ours,
            schema: readiness::schema(connection)?,
            row_security: row_security_in(connection)?,
            invalid_indexes: invalid_indexes(connection)?,
            connections: setting(connection, "max_connections")?
                .saturating_sub(setting(connection, "superuser_reserved_connections")?),
        })
    })
    .await
}

/// Whether row level security binds the role. `None` while there are no tables.
pub async fn row_security(database_url: &Secret) -> Result<Option<bool>> {
    on_a_connection(database_url, row_security_in).await
}

async fn on_a_connection<T: Send + 'static>(
    database_url: &Secret,
    work: fn(&mut Connection) -> StoreResult<T>,
) -> Result<T> {
    let asking = async { blocking(connect(database_url).await?, work).await };
    let too_late = |_| Error::new(Kind::Unavailable, "the database does not answer in time");
    Ok(tokio::time::timeout(TIMEOUT, asking).await.map_err(too_late)??.1)
}

/// One table stands for all: they are made alike. It does not bind superusers and roles with BYPASSRLS.
fn row_security_in(connection: &mut Connection) -> StoreResult<Option<bool>> {
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
