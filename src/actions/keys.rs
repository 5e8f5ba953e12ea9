//! Creating, listing and revoking api-keys.

use std::sync::Arc;

use super::idempotency::IdempotentWrite;
use super::page::{CursorList, Page};
use super::session_ids::{self, is_subset};
use super::{Precondition, name, orgs};
use crate::auth::ApiKey;
use crate::caller::{Caller, Capabilities, Principal, capability_name};
use crate::config::Secret;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;
pub use crate::store::keys::KeyRow;
use crate::store::keys::{self, NewKeyRow};
use crate::store::{Connection, Store, StoreResult, Transaction};

/// The position before the first key.
const BEFORE_ALL: (Instant, &str) = (Instant::from_micros(0), "");

/// A key to create.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The purpose of the key.
    pub name: String,
    /// What the key permits, at least one.
    pub capabilities: Capabilities,
    /// When the key expires; `None` for never.
    pub expires_at: Option<Instant>,
    /// The sessions that the key may access, at least one; `None` for all, including later ones.
    pub sessions: Option<Vec<SessionId>>,
}

/// A new key with its secret.
#[derive(Debug)]
pub struct CreatedKey {
    /// The key without its secret.
    pub row: KeyRow,
    /// The whole key. Only a hash of it is stored.
    pub token: Secret,
}

/// The principal that creates a key.
struct Creator {
    /// The api-key that creates it, if any.
    key: Option<KeyId>,
    manages_owners: bool,
}

/// Creates a key for an operator, without limits.
pub async fn create(store: &Store, org: OrgId, new: NewKey) -> Result<CreatedKey> {
    insert(store, org, new, Creator { key: None, manages_owners: true }, IdempotentWrite::unkeyed()).await
}

/// Creates a key that permits no more than the caller's, and expires no later.
/// Its default expiry is the caller's.
///
/// # Errors
///
/// When the key would have a capability, a session or an expiry that the caller lacks.
pub async fn grant<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    new: NewKey,
    idempotent: IdempotentWrite<CreatedKey, R>,
) -> Result<R> {
    let mut lacking = new.capabilities.iter().filter(|can| !caller.capabilities.contains(*can));
    if let Some(lacking) = lacking.next() {
        return Err(Error::forbidden(capability_name(lacking)));
    }
    session_ids::check_allowed(new.sessions.as_deref(), caller.sessions.as_deref())?;
    let key = match &caller.principal {
        Principal::ApiKey(id) => Some(id.clone()),
        Principal::Member(_) => None,
    };
    let creator = Creator { key, manages_owners: caller.manages_owners };
    insert(store, caller.org, new, creator, idempotent).await
}

async fn insert<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewKey,
    creator: Creator,
    idempotent: IdempotentWrite<CreatedKey, R>,
) -> Result<R> {
    let key = ApiKey::generate()?;
    let row = checked_new(&key, new, creator.manages_owners)?;
    let write = move |tx: &mut Transaction<'_>| {
        orgs::check_exists(tx, org)?;
        session_ids::check_exist(tx, org, row.sessions.as_deref())?;
        let expires_at = expiry(tx, org, creator.key.as_ref(), row.expires_at)?;
        let row = keys::insert(tx, org, &NewKeyRow { expires_at, ..row.clone() })?;
        Ok(CreatedKey { token: key.token(), row })
    };
    idempotent.write(store, org, write).await
}

/// The expiry of a new key, which is no later than that of the key that creates it.
fn expiry(
    connection: &mut Connection,
    org: OrgId,
    creator: Option<&KeyId>,
    requested: Option<Instant>,
) -> StoreResult<Option<Instant>> {
    let creator = creator.map(|id| keys::lock(connection, org, id)).transpose()?.flatten();
    let latest = creator.and_then(|key| key.expires_at);
    match (requested, latest) {
        (Some(requested), Some(latest)) if requested > latest => {
            Err(Error::invalid("expires_at", "must not be after the expiry of the key that creates it")
                .into())
        }
        _ => Ok(requested.or(latest)),
    }
}

/// All keys of the organization, oldest first, including revoked ones.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<KeyRow>> {
    orgs::require(store, org).await?;
    let all = move |connection: &mut Connection| keys::page(connection, org, None, BEFORE_ALL, i64::MAX);
    store.read(all).await
}

/// A page of the keys that access only sessions of the caller, oldest first.
pub async fn page(
    store: &Store,
    signing_keys: &SigningKeys,
    caller: &Caller,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<KeyRow>> {
    let (org, allowed) = (caller.org, caller.sessions.clone());
    let list = CursorList { store, keys: signing_keys, org, scope: Scope::of("api-keys") };
    let position = |row: &KeyRow| (row.created_at.micros(), row.id.to_string());
    let read = move |connection: &mut Connection, after: Option<(i64, String)>, limit| {
        let after = after.as_ref().map(|(micros, id)| (Instant::from_micros(*micros), id.as_str()));
        keys::page(connection, org, allowed.as_deref(), after.unwrap_or(BEFORE_ALL), limit)
    };
    list.page(limit, cursor, position, read).await
}

/// The organization of a key.
pub async fn owner(store: &Store, id: KeyId) -> Result<OrgId> {
    let key = store.read(move |connection| keys::find(connection, &id)).await?;
    key.map(|key| key.org).ok_or_else(not_found)
}

/// Revokes a key. All instances reject it within 5 seconds. Repeating it succeeds.
///
/// # Errors
///
/// When the key does not exist, or accesses sessions outside of `allowed`.
pub async fn revoke<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: KeyId,
    allowed: Option<Arc<[SessionId]>>,
    precondition: Precondition<KeyRow>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |tx: &mut Transaction<'_>| {
        let key = keys::lock(tx, org, &id)?.ok_or_else(not_found)?;
        if !is_subset(key.sessions.as_deref(), allowed.as_deref()) {
            return Err(not_found().into());
        }
        precondition.check(&key)?;
        keys::revoke(tx, org, &id)
    };
    idempotent.write(store, org, write).await
}

fn not_found() -> Error {
    Error::not_found("key not found")
}

fn checked_new(key: &ApiKey, new: NewKey, manages_owners: bool) -> Result<NewKeyRow> {
    let name = name::checked("name", &new.name)?;
    if new.expires_at.is_some_and(|expires_at| expires_at <= Instant::now()) {
        return Err(Error::invalid("expires_at", "must be in the future"));
    }
    Ok(NewKeyRow {
        id: key.id.clone(),
        name,
        secret_sha256: key.secret_sha256(),
        capabilities: new.capabilities.iter().map(capability_name).collect(),
        sessions: new.sessions.map(session_ids::sorted),
        expires_at: new.expires_at,
        manages_owners,
    })
}
