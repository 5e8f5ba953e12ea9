//! Whether the database answers, and has the schema this program was built for.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{Connection, StoreResult};
use crate::error::Error;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

#[diesel::declare_sql_function]
extern "SQL" {
    /// The table of that name; null when there is none.
    fn to_regclass(name: diesel::sql_types::Text) -> diesel::sql_types::Nullable<diesel::sql_types::Oid>;
}

diesel::table! {
    /// Kept by diesel.
    __diesel_schema_migrations (version) {
        /// The migration's version.
        version -> VarChar,
    }
}

/// Whether every migration of this program ran there. More may have: an older program goes on serving while a newer
/// one is rolled out.
pub fn schema_is_current(connection: &mut Connection) -> StoreResult<bool> {
    let table = to_regclass("__diesel_schema_migrations");
    if !diesel::select(table.is_not_null()).get_result(connection)? {
        return Ok(false);
    }
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(Error::internal)?;
    let needed: Vec<String> =
        migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    let ran: i64 = __diesel_schema_migrations::table
        .filter(__diesel_schema_migrations::version.eq_any(&needed))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(ran) == Ok(needed.len()))
}
