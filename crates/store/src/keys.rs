//! Api keys.

use diesel::dsl::now;
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::org_rows::{created_after, org_rows};
use super::schema::{api_keys, orgs, sessions};
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{KeyId, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// The data that decides whether a presented key is valid.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of api_keys and orgs, documented in the migrations
pub struct KeyRecord {
    pub secret_sha256: Vec<u8>,
    pub capabilities: Vec<String>,
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    pub expires_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    pub manages_owners: bool,
    pub claimant: Option<KeyId>,
    #[diesel(select_expression = orgs::disabled_at)]
    pub org_disabled_at: Option<Instant>,
}

/// A key without its secret, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of api_keys, documented in the migrations
pub struct KeyRow {
    #[diesel(column_name = key_id)]
    pub id: KeyId,
    pub name: String,
    pub capabilities: Vec<String>,
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    pub expires_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    pub created_at: Instant,
    pub created_by: String,
}

/// A key to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = api_keys)]
#[allow(missing_docs)] // columns of api_keys, documented in the migrations
pub struct NewKeyRow {
    #[diesel(column_name = key_id)]
    pub id: KeyId,
    pub name: String,
    pub secret_sha256: [u8; 32],
    pub capabilities: Vec<&'static str>,
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    pub expires_at: Option<Instant>,
    pub manages_owners: bool,
    pub created_by: String,
    pub claimant: Option<KeyId>,
}

/// The organization of a key, for operators. Reads the keys of all organizations.
pub fn org_of(connection: &mut Connection, id: &KeyId) -> StoreResult<Option<OrgId>> {
    let org = api_keys::table.filter(api_keys::key_id.eq(id)).select(api_keys::org_id);
    Ok(org.first(connection).optional()?)
}

/// What decides whether a key of the organization is valid.
pub fn find(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<Option<KeyRecord>> {
    let found = org_rows!(api_keys, org, key_id = id)
        .inner_join(orgs::table.on(orgs::org_id.eq(api_keys::org_id)))
        .select(KeyRecord::as_select())
        .first(connection)
        .optional()?;
    Ok(found)
}

/// How many of these sessions belong to the organization.
pub fn count_sessions(connection: &mut Connection, org: OrgId, ids: &[SessionId]) -> StoreResult<i64> {
    let owned = org_rows!(sessions, org).filter(sessions::session_id.eq_any(ids));
    Ok(owned.count().get_result(connection)?)
}

/// Inserts a key.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, key: &NewKeyRow) -> StoreResult<KeyRow> {
    tx.added(Quota::ApiKeys);
    let connection: &mut Connection = tx;
    let insert = diesel::insert_into(api_keys::table).values((api_keys::org_id.eq(org), key));
    Ok(insert.returning(KeyRow::as_returning()).get_result(connection)?)
}

/// Up to `limit` keys, oldest first, after that time and id. With `scope`, only keys limited to those sessions.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    scope: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<KeyRow>> {
    let mut page = created_after!(api_keys, org, key_id, (created_at, id), limit).into_boxed();
    if let Some(scope) = scope {
        page = page.filter(api_keys::session_ids.is_contained_by(scope));
    }
    Ok(page.select(KeyRow::as_select()).load(connection)?)
}

/// Locks the key FOR NO KEY UPDATE until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<Option<KeyRow>> {
    let found = org_rows!(api_keys, org, key_id = id).select(KeyRow::as_select());
    Ok(found.for_no_key_update().first(connection).optional()?)
}

/// Revokes keys now; a revoked key keeps its date.
pub fn revoke(connection: &mut Connection, org: OrgId, ids: &[KeyId]) -> StoreResult<()> {
    let keys = org_rows!(api_keys, org).filter(api_keys::key_id.eq_any(ids));
    diesel::update(keys.filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Locks the keys that these principals created FOR NO KEY UPDATE, in ascending order.
pub fn lock_created_by(
    connection: &mut Connection,
    org: OrgId,
    creators: &[String],
) -> StoreResult<Vec<KeyRow>> {
    let created = org_rows!(api_keys, org).filter(api_keys::created_by.eq_any(creators));
    let created = created.order(api_keys::key_id).select(KeyRow::as_select());
    Ok(created.for_no_key_update().load(connection)?)
}
