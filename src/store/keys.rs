//! Api-keys, and whether the organization behind a token is enabled.

use diesel::dsl::{exists, now, select};
use diesel::prelude::*;

use super::schema::{api_keys, orgs, sessions};
use super::{Connection, StoreResult};
use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;

/// What deciding about a presented key takes.
#[derive(Debug, Queryable)]
pub struct KeyRecord {
    /// The organization the key stands for.
    pub org: OrgId,
    /// SHA-256 of the secret part.
    pub secret_sha256: Vec<u8>,
    /// Names of capabilities.
    pub capabilities: Vec<String>,
    /// The only sessions the key reaches; `None` for all.
    pub sessions: Option<Vec<SessionId>>,
    /// From when it is refused.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// Whether it may change owners.
    pub manages_owners: bool,
    /// Since when its organization is disabled.
    pub org_disabled_at: Option<Instant>,
}

/// A key as it is listed. The secret is nowhere to be had.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct KeyRow {
    /// The public part of the key.
    #[diesel(column_name = key_id)]
    pub id: KeyId,
    /// What the key is for.
    pub name: String,
    /// Names of capabilities.
    pub capabilities: Vec<String>,
    /// The only sessions the key reaches; `None` for all.
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    /// From when it is refused.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewKeyRow {
    /// The public part of the key.
    pub id: KeyId,
    /// What the key is for.
    pub name: String,
    /// SHA-256 of the secret part.
    pub secret_sha256: [u8; 32],
    /// Names of capabilities.
    pub capabilities: Vec<&'static str>,
    /// The only sessions the key reaches; `None` for all.
    pub sessions: Option<Vec<SessionId>>,
    /// From when it is refused; `None` for never.
    pub expires_at: Option<Instant>,
    /// Whether it may change owners, if it may manage at all.
    pub manages_owners: bool,
}

/// The key of that id, whichever organization it belongs to: this is how a token comes to name its organization.
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
    let enabled = orgs::table.filter(orgs::org_id.eq(org)).filter(orgs::disabled_at.is_null());
    Ok(select(exists(enabled)).get_result(connection)?)
}

/// How many of these sessions are the organization's.
pub fn count_sessions(connection: &mut Connection, org: OrgId, ids: &[SessionId]) -> StoreResult<i64> {
    let owned = sessions::table.filter(sessions::org_id.eq(org)).filter(sessions::session_id.eq_any(ids));
    Ok(owned.count().get_result(connection)?)
}

/// Stores a new key.
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
    Ok(api_keys::table
        .filter(api_keys::org_id.eq(org))
        .order((api_keys::created_at, api_keys::key_id))
        .select(KeyRow::as_select())
        .load(connection)?)
}

/// At most that many of the organization's keys, oldest first: those after that time and id, and of `reachable` those that
/// reach no other session, if it is given.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    reachable: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<KeyRow>> {
    let is_later = api_keys::created_at.gt(created_at).or(api_keys::key_id.gt(id));
    let mut page = api_keys::table
        .filter(api_keys::org_id.eq(org))
        // Beside what it means, for the index: a range, which the alternatives are not.
        .filter(api_keys::created_at.ge(created_at))
        .filter(is_later)
        .into_boxed();
    if let Some(reachable) = reachable {
        page = page.filter(api_keys::session_ids.is_contained_by(reachable));
    }
    let oldest = (api_keys::created_at, api_keys::key_id);
    Ok(page.order(oldest).limit(limit).select(KeyRow::as_select()).load(connection)?)
}

/// The key of that id. It is locked until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<Option<KeyRow>> {
    Ok(api_keys::table
        .filter(api_keys::org_id.eq(org))
        .filter(api_keys::key_id.eq(id))
        .select(KeyRow::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?)
}

/// Revokes a key from now on; one that is revoked already keeps its date.
pub fn revoke(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<()> {
    let key = api_keys::table.filter(api_keys::org_id.eq(org)).filter(api_keys::key_id.eq(id));
    diesel::update(key.filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(now))
        .execute(connection)?;
    Ok(())
}
