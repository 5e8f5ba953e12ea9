//! The role of the service, which does not own the tables: it may read and write rows, and nothing else.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

use super::catalog::TextRow;
use super::connection::{Connection, StoreResult};
use super::migrations::{blocking, connect};
use switchboard_core::config::Secret;
use switchboard_core::error::{Error, Kind, Result};

/// Statements for the tables and views of the role that migrates. The versions of migrations are only read.
const GRANTS: &str = "SELECT format('GRANT %s ON %I TO %I',
        CASE WHEN c.relname LIKE '\\_\\_%' OR c.relkind = 'v' THEN 'SELECT' ELSE 'SELECT, INSERT, UPDATE, DELETE' END, c.relname, $1
    ) AS value
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND pg_get_userbyid(c.relowner) = current_user
    UNION ALL SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1)";

/// Statements that create the role, unless it exists.
const CREATION: &str = "SELECT format('CREATE ROLE %I LOGIN', $1) AS value
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";

/// Creates the role unless it exists, and lets it read and write the rows of all tables.
///
/// # Errors
///
/// When the role that migrates is the same, or when it may not create roles and this one does not exist.
pub async fn grant(database_url: &Secret, role: String) -> Result<()> {
    blocking(connect(database_url).await?, move |connection| grant_to(connection, &role)).await.map(|_| ())
}

#[expect(clippy::disallowed_methods, reason = "statements that run once")]
fn grant_to(connection: &mut Connection, role: &str) -> StoreResult<()> {
    let own: TextRow = sql_query("SELECT current_user::text AS value").get_result(connection)?;
    if own.value == role {
        let message = "--service-role: must not be the role that migrates, which owns the tables";
        return Err(Error::new(Kind::FailedPrecondition, message).into());
    }
    for statement in statements(connection, CREATION, role)? {
        connection.batch_execute(&statement).map_err(|error| {
            let message =
                format!("the role does not exist: run `{statement}` as a role that may create roles");
            Error::new(Kind::FailedPrecondition, message).caused_by(error)
        })?;
    }
    let grants = statements(connection, GRANTS, role)?.join("; ");
    Ok(connection.batch_execute(&grants)?)
}

#[expect(clippy::disallowed_methods, reason = "statements that run once")]
fn statements(connection: &mut Connection, query: &str, role: &str) -> StoreResult<Vec<String>> {
    let rows: Vec<TextRow> = sql_query(query).bind::<Text, _>(role).load(connection)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}
