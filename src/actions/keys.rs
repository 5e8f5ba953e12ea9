//! Creating, listing and revoking api-keys.

use std::sync::Arc;

use super::credentials::{self, Credential};
use super::idempotency::IdempotentWrite;
use super::page::{CursorList, Page};
use super::session_ids::{self, is_subset};
use super::{Precondition, name, orgs};
use crate::auth::ApiKey;
use crate::caller::{Actor, Caller, Capabilities, Principal, capability_name};
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
    /// The public part of the key; `None` for a random one.
    pub id: Option<KeyId>,
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

/// What to revoke.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The key.
    pub id: KeyId,
    /// Whether to revoke the keys that it created, too, and those that they created.
    pub with_created: bool,
    /// The sessions that the caller may access; `None` for all.
    pub allowed: Option<Arc<[SessionId]>>,
}

/// Creates a key for an operator, without limits.
pub async fn create(store: &Store, org: OrgId, new: NewKey) -> Result<CreatedKey> {
    insert(store, org, new, None, IdempotentWrite::unkeyed()).await
}

/// Creates a key that permits no more than the caller's, and expires no later.
/// Its default expiry is the caller's.
///
/// # Errors
///
/// When the key would have a capability, a session or an expiry that the caller lacks, or the caller's own credential was
/// revoked since it was checked.
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
    insert(store, caller.org, new, Some(caller.clone()), idempotent).await
}

/// Inserts a key that the caller creates; `None` is an operator.
async fn insert<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewKey,
    creator: Option<Caller>,
    idempotent: IdempotentWrite<CreatedKey, R>,
) -> Result<R> {
    let key = ApiKey::generate(org, new.id.clone())?;
    let row = checked_new(&key, new)?;
    let write = move |tx: &mut Transaction<'_>| {
        let Credential { expires_at: latest, manages_owners } = match &creator {
            Some(caller) => credentials::recheck(tx, caller)?,
            None => orgs::check_exists(tx, org).map(|()| Credential::OPERATOR)?,
        };
        session_ids::check_exist(tx, org, row.sessions.as_deref())?;
        let expires_at = expiry(row.expires_at, latest)?;
        let claimant = creator.as_ref().and_then(Caller::claimant_key);
        let created_by = tx.actor();
        let row = NewKeyRow { expires_at, manages_owners, created_by, claimant, ..row.clone() };
        let row = keys::insert(tx, org, &row)?;
        Ok(CreatedKey { token: key.token(), row })
    };
    idempotent.write(store, org, write).await
}

/// The expiry of a new key, which is no later than that of the key that creates it.
fn expiry(requested: Option<Instant>, latest: Option<Instant>) -> Result<Option<Instant>> {
    match (requested, latest) {
        (Some(requested), Some(latest)) if requested > latest => {
            Err(Error::invalid("expires_at", "must not be after the expiry of the key that creates it"))
        }
        _ => Ok(requested.or(latest)),
    }
}

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is accepted.
    Active,
    /// It was revoked.
    Revoked,
    /// It has expired.
    Expired,
}

/// The state of a key now.
pub fn state_of(key: &KeyRow) -> KeyState {
    match key.revoked_at {
        Some(_) => KeyState::Revoked,
        None if key.expires_at.is_some_and(|at| at <= Instant::now()) => KeyState::Expired,
        None => KeyState::Active,
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
    let org = store.read(move |connection| keys::org_of(connection, &id)).await?;
    org.ok_or_else(not_found)
}

/// Revokes a key. All instances reject it within 5 seconds. Repeating it succeeds. Returns the keys created by it, directly
/// or through others, that are still active.
///
/// # Errors
///
/// When the key does not exist, or accesses sessions outside of `allowed`.
pub async fn revoke<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    revocation: Revocation,
    precondition: Precondition<KeyRow>,
    idempotent: IdempotentWrite<Vec<KeyRow>, R>,
) -> Result<R> {
    let write = move |tx: &mut Transaction<'_>| {
        let Revocation { id, with_created, allowed } = &revocation;
        let key = keys::lock(tx, org, id)?.ok_or_else(not_found)?;
        if !is_subset(key.sessions.as_deref(), allowed.as_deref()) {
            return Err(not_found().into());
        }
        precondition.check(&key)?;
        keys::revoke(tx, org, std::slice::from_ref(id))?;
        let mut created = created_by(tx, org, id)?;
        if *with_created {
            let ids: Vec<_> = created.drain(..).map(|key| key.id).collect();
            keys::revoke(tx, org, &ids)?;
        }
        created.retain(|key| state_of(key) == KeyState::Active);
        Ok(created)
    };
    idempotent.write(store, org, write).await
}

/// The keys that a key created, those that they created, and so on. All are locked: none of them creates another one.
fn created_by(connection: &mut Connection, org: OrgId, id: &KeyId) -> StoreResult<Vec<KeyRow>> {
    let (mut created, mut creators) = (Vec::new(), vec![id.clone()]);
    while !creators.is_empty() {
        let actors: Vec<_> =
            creators.into_iter().map(|id| Actor::Principal(Principal::ApiKey(id)).to_string()).collect();
        let next = keys::lock_created_by(connection, org, &actors)?;
        creators = next.iter().map(|key| key.id.clone()).collect();
        created.extend(next);
    }
    Ok(created)
}

fn not_found() -> Error {
    Error::not_found("key not found")
}

fn checked_new(key: &ApiKey, new: NewKey) -> Result<NewKeyRow> {
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
        manages_owners: false,
        created_by: String::new(),
        claimant: None,
    })
}
