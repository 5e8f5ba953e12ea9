//! Distributing the tables over the nodes of a Citus cluster: `docs/scaling.md`.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

use super::catalog::TextRow;
use super::connection::{Connection, StoreResult};
use super::migrations::{blocking, connect, locked};
use super::routing;
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Kind, Result};

/// The tables that are not distributed yet, each after those that it refers to.
const TABLES: &str = "WITH RECURSIVE ours AS (
        SELECT c.oid, c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ), depths AS (
        SELECT oid, 0 AS depth FROM ours
        UNION SELECT k.conrelid, depth + 1 FROM depths JOIN pg_constraint k ON k.confrelid = depths.oid AND k.contype = 'f'
    )
    SELECT relname::text AS value FROM ours JOIN depths USING (oid)
    WHERE oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)
    GROUP BY relname ORDER BY relname <> 'orgs', max(depth), relname";

/// Rows of one organization are on one node, because all tables are colocated with the first.
const DISTRIBUTE: &str = "SELECT create_distributed_table(format('%I', $1)::regclass, 'org_id',
    colocate_with => CASE $1 WHEN 'orgs' THEN 'default' ELSE 'orgs' END)::text AS value";

/// Settings of the database: the nodes get the organization that a transaction may write, and statements are planned with
/// their values, which determine the node.
const SETTINGS: &str = "SELECT format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local'';
        ALTER DATABASE %I SET plan_cache_mode = ''force_custom_plan''', d, d) AS value
    FROM current_database() d";

/// Distributes every table by organization that is not distributed yet. Returns their names.
///
/// # Errors
///
/// When the database does not have Citus.
pub async fn distribute(database_url: &Secret) -> Result<Vec<String>> {
    let connection = locked(connect(database_url).await?).await?;
    blocking(connection, distribute_all).await.map(|(_, tables)| tables)
}

#[expect(clippy::disallowed_methods, reason = "statements that run once")]
fn distribute_all(connection: &mut Connection) -> StoreResult<Vec<String>> {
    if !routing::detect(connection)? {
        let message =
            "the database has no Citus: run `CREATE EXTENSION citus` on every node, and add the workers";
        return Err(Error::new(Kind::FailedPrecondition, message).into());
    }
    let tables: Vec<TextRow> = sql_query(TABLES).load(connection)?;
    for table in &tables {
        sql_query(DISTRIBUTE).bind::<Text, _>(&table.value).execute(connection)?;
    }
    let settings: TextRow = sql_query(SETTINGS).get_result(connection)?;
    connection.batch_execute(&settings.value)?;
    Ok(tables.into_iter().map(|table| table.value).collect())
}
