//! Whether statements must contain the organization's value as a condition of their tables.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::catalog::pg_extension;

/// Of the process, because the text of a statement is made without a connection. Both texts are right on every database.
static IS_BY_ORG: AtomicBool = AtomicBool::new(false);

/// Whether this process has connected to a database with Citus, which finds the node of a statement from that value.
pub(super) fn is_by_org() -> bool {
    IS_BY_ORG.load(Ordering::Relaxed)
}

/// Whether the database has Citus.
pub(super) fn detect(connection: &mut PgConnection) -> QueryResult<bool> {
    let citus = pg_extension::table.filter(pg_extension::extname.eq("citus"));
    let has_citus = diesel::select(exists(citus)).get_result(connection)?;
    if has_citus {
        IS_BY_ORG.store(true, Ordering::Relaxed);
    }
    Ok(has_citus)
}

/// Runs statements, which `; ` separates, in one round trip. With Citus one by one: it sends the whole text that contains
/// `SET LOCAL` to the nodes, also a COMMIT that follows.
pub(super) fn batch(connection: &mut PgConnection, statements: &str) -> QueryResult<()> {
    if !is_by_org() {
        return connection.batch_execute(statements);
    }
    let mut statements = statements.split("; ").filter(|statement| !statement.is_empty());
    statements.try_for_each(|statement| connection.batch_execute(statement))
}
