//! Whether the database answers, and has the schema this program was built for.

use super::{Connection, StoreResult, migrations};

/// Whether every migration of this program ran there. More may have: an older program goes on serving while a newer one
/// is rolled out.
pub fn schema_is_current(connection: &mut Connection) -> StoreResult<bool> {
    Ok(migrations::list(connection)?.iter().all(|migration| migration.applied))
}
