//! Whether the database is the one this program was built for.

use std::fmt;

use diesel::prelude::*;

use super::{Connection, StoreResult, migrations};
use crate::telemetry::metrics;

/// What a database's schema is to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Every migration of this program ran there. More may have: an older program goes on serving while a newer one is
    /// rolled out.
    Current,
    /// The database is empty.
    Missing,
    /// Migrations of this program have not run there.
    Behind,
    /// A migration ran there that this program had to know to work with it.
    Ahead,
    /// Something else is kept there.
    Foreign,
}

impl Schema {
    /// What is the matter and which command mends it, for the operator.
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

#[diesel::declare_sql_function]
#[allow(missing_docs)]
extern "SQL" {
    fn needed_migration() -> diesel::sql_types::Text;
    fn current_schema() -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

diesel::table! {
    /// The tables there are, whoever made them.
    pg_tables (schemaname, tablename) {
        /// Where it is.
        schemaname -> Text,
        /// What it is called.
        tablename -> Text,
    }
}

/// What the schema is to this program. Only reads.
pub fn schema(connection: &mut Connection) -> StoreResult<Schema> {
    let applied = migrations::applied(connection)?;
    let newest = applied.iter().filter_map(|version| version.parse().ok()).max();
    newest.into_iter().for_each(metrics::schema_version);
    let known = migrations::known()?;
    if !applied.iter().any(|version| known.contains(version)) {
        let is_empty = applied.is_empty() && !has_tables(connection)?;
        return Ok(if is_empty { Schema::Missing } else { Schema::Foreign });
    }
    if !known.iter().all(|version| applied.contains(version)) {
        return Ok(Schema::Behind);
    }
    let needed: String = diesel::select(needed_migration()).get_result(connection)?;
    Ok(if known.contains(&needed) { Schema::Current } else { Schema::Ahead })
}

fn has_tables(connection: &mut Connection) -> StoreResult<bool> {
    let ours = pg_tables::table
        .filter(pg_tables::schemaname.nullable().eq(current_schema()))
        // diesel makes it before the first migration runs.
        .filter(pg_tables::tablename.ne("__diesel_schema_migrations"));
    Ok(diesel::select(diesel::dsl::exists(ours)).get_result(connection)?)
}
