//! Whether the database answers, and has the schema this program was built for.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{Connection, StoreResult};
use crate::error::Error;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

diesel::table! {
    /// Where diesel keeps which migrations ran.
    __diesel_schema_migrations (version) {
        /// The first part of the migration's name, without its dashes.
        version -> Text,
        /// When.
        run_on -> Timestamp,
    }
}

/// Whether every migration of this program ran there. More may have: an older program goes on serving while a newer one
/// is rolled out.
pub fn schema_is_current(connection: &mut Connection) -> StoreResult<bool> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    let needed: Vec<String> =
        migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    let ran = __diesel_schema_migrations::table
        .filter(__diesel_schema_migrations::version.eq_any(&needed))
        .count()
        .get_result::<i64>(connection);
    match ran {
        Ok(ran) => Ok(usize::try_from(ran) == Ok(needed.len())),
        Err(error) if is_missing_table(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// PostgreSQL's words for 42P01, which diesel does not name; the code itself is not to be had from it.
fn is_missing_table(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) => {
            info.message().contains("__diesel_schema_migrations")
        }
        _ => false,
    }
}
