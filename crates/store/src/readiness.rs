//! Whether the database has the schema that this program needs, and whether it accepts writes.

use std::fmt;

use diesel::prelude::*;

use super::catalog::{current_schema, current_setting, pg_is_in_recovery, pg_tables};
use super::connection::{Connection, StoreResult};
use super::migrations::{self, blocking, connect};
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Kind, Result};
use switchboard_core::telemetry::metrics;

/// The state of a database's schema in relation to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// All migrations of this program are applied. Newer ones may be, too: during a rollout older programs keep serving.
    Current,
    /// The database is empty.
    Missing,
    /// Migrations of this program are not applied.
    Behind,
    /// A newer migration is applied that is incompatible with this program.
    Ahead,
    /// The database has tables of another program.
    Foreign,
}

impl Schema {
    /// What is wrong and the command that fixes it, for the operator.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Current => "ok",
            Self::Missing => "missing: run `switchboard migrate up`",
            Self::Behind => "behind this program: run `switchboard migrate up`",
            Self::Ahead => {
                "ahead of this program: run a newer version, or `switchboard migrate revert` with that one"
            }
            Self::Foreign => {
                "another program's: give the right database with `--database-url`; see `switchboard config`"
            }
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database's schema is {}", self.remedy())
    }
}

/// The role of a server in replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRole {
    /// It accepts writes.
    Primary,
    /// It replays the write-ahead log of another server.
    Standby,
    /// `default_transaction_read_only` is set.
    ReadOnly,
}

impl ServerRole {
    /// Why it accepts no writes, for the operator; `ok` when it does.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Primary => "ok",
            Self::Standby => "the server is a standby, which accepts no writes",
            Self::ReadOnly => "the server is read-only",
        }
    }
}

/// The role of the server. Only reads.
pub fn server_role(connection: &mut Connection) -> StoreResult<ServerRole> {
    let read_only = current_setting("transaction_read_only");
    let (is_standby, read_only): (bool, String) =
        diesel::select((pg_is_in_recovery(), read_only)).get_result(connection)?;
    Ok(match (is_standby, read_only.as_str()) {
        (true, _) => ServerRole::Standby,
        (false, "on") => ServerRole::ReadOnly,
        (false, _) => ServerRole::Primary,
    })
}

diesel::define_sql_function! {
    /// Version of the oldest migration that a program must have to work with the schema.
    fn required_migration() -> Text;
}

/// Returns an error with the remedy unless the schema is [`Schema::Current`].
pub async fn require_current(database_url: &Secret) -> Result<()> {
    match blocking(connect(database_url).await?, schema).await? {
        (_, Schema::Current) => Ok(()),
        (_, schema) => Err(Error::new(Kind::FailedPrecondition, schema.to_string())),
    }
}

/// The state of the schema. Only reads.
pub fn schema(connection: &mut Connection) -> StoreResult<Schema> {
    let applied = migrations::applied(connection)?;
    let newest = applied.iter().filter_map(|version| version.parse().ok()).max();
    newest.into_iter().for_each(metrics::schema_version);
    let known = migrations::known()?;
    match of_migrations(&applied, &known) {
        Some(Schema::Foreign) if applied.is_empty() && !has_tables(connection)? => {
            return Ok(Schema::Missing);
        }
        Some(schema) => return Ok(schema),
        None => {}
    }
    let needed: String = diesel::select(required_migration()).get_result(connection)?;
    Ok(if known.contains(&needed) { Schema::Current } else { Schema::Ahead })
}

/// What is wrong when not all migrations of this program are applied.
fn of_migrations(applied: &[String], known: &[String]) -> Option<Schema> {
    match known.iter().filter(|version| applied.contains(version)).count() {
        0 => Some(Schema::Foreign),
        some if some < known.len() => Some(Schema::Behind),
        _ => None,
    }
}

fn has_tables(connection: &mut Connection) -> StoreResult<bool> {
    let tables = pg_tables::table
        .filter(pg_tables::schemaname.nullable().eq(current_schema()))
        // diesel creates it before the first migration runs.
        .filter(pg_tables::tablename.ne("__diesel_schema_migrations"));
    Ok(diesel::select(diesel::dsl::exists(tables)).get_result(connection)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_is_behind_when_some_migrations_are_missing() {
        let versions =
            |numbers: &[&str]| numbers.iter().map(|number| (*number).to_owned()).collect::<Vec<_>>();
        for (applied, expected) in [
            (versions(&["1", "2"]), None),
            (versions(&["1", "2", "3"]), None),
            (versions(&["1"]), Some(Schema::Behind)),
            (versions(&["3"]), Some(Schema::Foreign)),
        ] {
            assert_eq!(of_migrations(&applied, &versions(&["1", "2"])), expected, "{applied:?}");
        }
    }
}
