//! Connections as the organization configured them, with what their workers report.

use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use super::connection::{Connection, StoreResult};
use super::org_rows::{created_after, org_rows};
use super::schema::connections;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{ConnectionId, OrgId, Phone, SessionId};
use switchboard_core::instant::Instant;

/// A connection. Its secrets are encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = connections, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of connections, documented in the migrations
pub struct ConnectionRow {
    pub connection_id: ConnectionId,
    pub session_id: SessionId,
    pub phone: Phone,
    pub kind: String,
    pub url: String,
    pub account: String,
    pub business_account: String,
    pub secrets: Vec<u8>,
    pub key_id: Vec<u8>,
    pub enabled: bool,
    pub sets_webhook: bool,
    pub sync_budget: i32,
    pub sends_per_minute: Option<i32>,
    pub revision: i64,
    pub status: String,
    pub reason: String,
    pub last_event_at: Option<Instant>,
    pub pending_since: Option<Instant>,
    pub failed_events: i64,
    pub failed_syncs: i32,
    pub complete_until: Option<Instant>,
    pub sync_requested_at: Option<Instant>,
    pub sync_started_at: Option<Instant>,
    pub sync_finished_at: Option<Instant>,
    pub sync_progress: String,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A connection to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = connections)]
#[allow(missing_docs)] // columns of connections, documented in the migrations
pub struct NewConnectionRow {
    pub connection_id: ConnectionId,
    pub session_id: SessionId,
    pub phone: Phone,
    pub kind: String,
    pub url: String,
    pub account: String,
    pub business_account: String,
    pub secrets: Vec<u8>,
    pub key_id: Vec<u8>,
    pub enabled: bool,
    pub sets_webhook: bool,
    pub sync_budget: i32,
    pub sends_per_minute: Option<i32>,
}

/// The columns to change; `None` keeps a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = connections)]
#[allow(missing_docs)] // columns of connections, documented in the migrations
pub struct ConnectionChanges {
    pub url: Option<String>,
    pub account: Option<String>,
    pub business_account: Option<String>,
    pub secrets: Option<Vec<u8>>,
    pub key_id: Option<Vec<u8>>,
    pub enabled: Option<bool>,
    pub sets_webhook: Option<bool>,
    pub sync_budget: Option<i32>,
    pub sends_per_minute: Option<Option<i32>>,
}

/// Inserts a connection, whose first sync is due; `None` when the session has one.
pub fn insert(
    tx: &mut Transaction<'_>,
    org: OrgId,
    new: &NewConnectionRow,
) -> StoreResult<Option<ConnectionRow>> {
    tx.added(Quota::Connections);
    let connection: &mut Connection = tx;
    let insert = diesel::insert_into(connections::table)
        .values((connections::org_id.eq(org), new))
        .on_conflict_do_nothing();
    Ok(insert.returning(ConnectionRow::as_returning()).get_result(connection).optional()?)
}

/// At most `limit` connections after that time and id, oldest first.
/// Only those of sessions in `allowed`.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    allowed: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<ConnectionRow>> {
    let mut page = created_after!(connections, org, connection_id, (created_at, id), limit).into_boxed();
    if let Some(allowed) = allowed {
        page = page.filter(connections::session_id.eq_any(allowed));
    }
    Ok(page.select(ConnectionRow::as_select()).load(connection)?)
}

/// The connection.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
) -> StoreResult<Option<ConnectionRow>> {
    let found = connections::table.find((org, id)).select(ConnectionRow::as_select());
    Ok(found.first(connection).optional()?)
}

/// The connection of a session.
pub fn of_session(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
) -> StoreResult<Option<ConnectionRow>> {
    let found = org_rows!(connections, org, session_id = session).select(ConnectionRow::as_select());
    Ok(found.first(connection).optional()?)
}

/// The enabled connections with that account, oldest first.
pub fn of_account(
    connection: &mut Connection,
    org: OrgId,
    kind: &str,
    account: &str,
) -> StoreResult<Vec<ConnectionRow>> {
    let found = org_rows!(connections, org, kind = kind, account = account).filter(connections::enabled);
    let found = found.order((connections::created_at, connections::connection_id));
    Ok(found.select(ConnectionRow::as_select()).load(connection)?)
}

/// The enabled connections of a business account, in the order of their ids.
pub fn of_business_account(
    connection: &mut Connection,
    org: OrgId,
    kind: &str,
    account: &str,
) -> StoreResult<Vec<ConnectionRow>> {
    let found = org_rows!(connections, org, kind = kind, business_account = account);
    let found = found.filter(connections::enabled).order(connections::connection_id);
    Ok(found.select(ConnectionRow::as_select()).load(connection)?)
}

/// The connection, locked until the transaction ends. Events that it receives do not wait.
pub fn lock(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
) -> StoreResult<Option<ConnectionRow>> {
    let found = connections::table.find((org, id)).select(ConnectionRow::as_select());
    Ok(found.for_no_key_update().first(connection).optional()?)
}

/// Changes an existing connection; its worker starts anew.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    changes: &ConnectionChanges,
) -> StoreResult<ConnectionRow> {
    let set = (changes, connections::revision.eq(connections::revision + 1), connections::updated_at.eq(now));
    let update = diesel::update(connections::table.find((org, id))).set(set);
    Ok(update.returning(ConnectionRow::as_returning()).get_result(connection)?)
}

/// Requests a sync.
pub fn request_sync(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
) -> StoreResult<ConnectionRow> {
    let update = diesel::update(connections::table.find((org, id)));
    let update = update.set(connections::sync_requested_at.eq(now.into_sql::<Timestamptz>().nullable()));
    Ok(update.returning(ConnectionRow::as_returning()).get_result(connection)?)
}

/// Deletes the connection with its events.
pub fn delete(connection: &mut Connection, org: OrgId, id: &ConnectionId) -> StoreResult<()> {
    diesel::delete(connections::table.find((org, id))).execute(connection)?;
    Ok(())
}
