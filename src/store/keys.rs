//! Api keys, and whether the organization of a token is enabled.

use diesel::dsl::{exists, now, select};
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::org_rows::org_rows;
use super::schema::{api_keys, orgs, sessions};
use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;

/// The data that decides whether a presented key is valid.
#[derive(Debug, Queryable)]
pub struct KeyRecord {
    /// The organization.
    pub org: OrgId,
    /// SHA-256 of the secret part.
    pub secret_sha256: Vec<u8>,
    /// Names of capabilities.
    pub capabilities: Vec<String>,
    /// The session scope; `None` for all sessions.
    pub sessions: Option<Vec<SessionId>>,
    /// When it expires.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// Whether it may change owners.
    pub manages_owners: bool,
    /// When its organization was disabled.
    pub org_disabled_at: Option<Instant>,
}

/// A key without its secret, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyRow {
    /// The public part of the key.
    #[diesel(column_name = key_id)]
    pub id: KeyId,
    /// The purpose of the key.
    pub name: String,
    /// Names of capabilities.
    pub capabilities: Vec<String>,
    /// The session scope; `None` for all sessions.
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    /// When it expires.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
}

/// A key to insert.
#[derive(Clone, Debug)]
pub struct NewKeyRow {
    /// The public part of the key.
    pub id: KeyId,
    /// The purpose of the key.
    pub name: String,
    /// SHA-256 of the secret part.
    pub secret_sha256: [u8; 32],
    /// Names of capabilities.
    pub capabilities: Vec<&'static str>,
    /// The session scope; `None` for all sessions.
    pub sessions: Option<Vec<SessionId>>,
    /// When it expires; `None` for never.
    pub expires_at: Option<Instant>,
    /// Whether it may change owners, if it has the capability `manage`.
    pub manages_owners: bool,
}

/// The key of any organization by its id: a token names its key, not its organization.
pub fn find(connection: &mut Connection, id: &KeyId) -> StoreResult<Option<KeyRecord>> {
    let found = api_keys::table
        .inner_join(orgs::table.on(orgs::org_id.eq(api_keys::org_id)))
        .filter(api_keys::key_id.eq(id))
        .select((
            api_keys::org_id,
            api_keys::secret_sha256,
            api_keys::capabilities,
            api_keys::session_ids,
            api_keys::expires_at,
            api_keys::revoked_at,
            api_keys::manages_owners,
            orgs::disabled_at,
        ))
        .first(connection)
        .optional()?;
    Ok(found)
}

/// Whether the organization exists and is not disabled.
pub fn org_is_enabled(connection: &mut Connection, org: OrgId) -> StoreResult<bool> {
    let enabled = org_rows!(orgs, org).filter(orgs::disabled_at.is_null());
    Ok(select(exists(enabled)).get_result(connection)?)
}

/// How many of these sessions belong to the organization.
pub fn count_sessions(connection: &mut Connection, org: OrgId, ids: &[SessionId]) -> StoreResult<i64> {
    let owned = org_rows!(sessions, org).filter(sessions::session_id.eq_any(ids));
    Ok(owned.count().get_result(connection)?)
}

/// Inserts a key.
pub fn insert(connection: &mut Connection, org: OrgId, key: &NewKeyRow) -> StoreResult<KeyRow> {
    let values = (
        api_keys::org_id.eq(org),
        api_keys::key_id.eq(&key.id),
        api_keys::name.eq(&key.name),
        api_keys::secret_sha256.eq(key.secret_sha256.as_slice()),
        api_keys::capabilities.eq(&key.capabilities),
        api_keys::session_ids.eq(key.sessions.as_deref()),
        api_keys::expires_at.eq(key.expires_at),
        api_keys::manages_owners.eq(key.manages_owners),
    );
    let insert = diesel::insert_into(api_keys::table).values(values);
    Ok(insert.returning(KeyRow::as_returning()).get_result(connection)?)
}

/// The organization's keys, oldest first.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<KeyRow>> {
    Ok(org_rows!(api_keys, org)
        .order((api_keys::created_at, api_keys::key_id))
        .select(KeyRow::as_select())
        .load(connection)?)
}

/// Up to `limit` keys, oldest first, after that time and id. With `scope`, only keys limited to those sessions.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    scope: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<KeyRow>> {
    let is_later = api_keys::created_at.gt(created_at).or(api_keys::key_id.gt(id));
    let mut page = org_rows!(api_keys, org)
        // Implied by the next filter, but a range of the index, which the OR is not.
        .filter(api_keys::created_at.ge(created_at))
        .filter(is_later)
        .into_boxed();
    if let Some(scope) = scope {
        page = page.filter(api_keys::session_ids.is_contained_by(scope));
    }
    let oldest = (api_keys::created_at, api_keys::key_id);
    Ok(page.order(oldest).limit(limit).select(KeyRow::as_select()).load(connection)?)
}

/// Locks the key FOR NO KEY UPDATE until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<Option<KeyRow>> {
    let found = org_rows!(api_keys, org, key_id = id).select(KeyRow::as_select());
    Ok(found.for_no_key_update().first(connection).optional()?)
}

/// Revokes a key now; a revoked key keeps its date.
pub fn revoke(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<()> {
    diesel::update(org_rows!(api_keys, org, key_id = id).filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(now))
        .execute(connection)?;
    Ok(())
}
