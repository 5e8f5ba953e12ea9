//! Creating, listing and revoking api-keys.

use std::sync::Arc;

use crate::auth::ApiKey;
use crate::caller::{Caller, Capabilities, Principal, capability_from_name, capability_name};
use crate::config::Secret;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::keys::{self, KeyRow, NewKeyRow};
use crate::store::{Connection, Store, StoreResult};

use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use super::{Precondition, name, orgs};

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What the key is for.
    pub name: String,
    /// What it may be used for.
    pub capabilities: Capabilities,
    /// From when it is refused; `None` for never.
    pub expires_at: Option<Instant>,
    /// The only sessions it reaches; `None` for all of the organization's, now and later.
    pub sessions: Option<Vec<SessionId>>,
}

/// A key that was just created.
#[derive(Debug)]
pub struct CreatedKey {
    /// What may be seen of the key at any time.
    pub info: KeyInfo,
    /// The whole key. It is not stored: this is the only time it can be shown.
    pub token: Secret,
}

/// A key as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The public part of the key.
    pub id: KeyId,
    /// What the key is for.
    pub name: String,
    /// What it may be used for.
    pub capabilities: Capabilities,
    /// The only sessions it reaches; `None` for all.
    pub sessions: Option<Vec<SessionId>>,
    /// From when it is refused.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
}

/// Who creates a key.
struct Creator {
    /// The key it is created with, if it is one.
    key: Option<KeyId>,
    manages_owners: bool,
}

/// Creates a key of the organization for an operator: it may be able to do everything.
pub async fn create(store: &Store, org: OrgId, new: NewKey) -> Result<CreatedKey> {
    insert(store, org, new, Creator { key: None, manages_owners: true }, IdempotentWrite::unkeyed()).await
}

/// Creates a key of the caller's organization that can do nothing the caller cannot, and for no longer: without an expiry
/// of its own it has the caller's.
///
/// # Errors
///
/// When the key would have a capability that the caller lacks, reach a session that the caller does not, or last longer.
pub async fn grant<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    new: NewKey,
    once: IdempotentWrite<CreatedKey, R>,
) -> Result<R> {
    let mut lacking = new.capabilities.iter().filter(|can| !caller.capabilities.contains(*can));
    if let Some(lacking) = lacking.next() {
        return Err(Error::forbidden(capability_name(lacking)));
    }
    if let Some(reachable) = caller.sessions.as_deref()
        && !is_within(new.sessions.as_deref(), reachable)
    {
        return Err(not_all_sessions());
    }
    let key = match &caller.principal {
        Principal::ApiKey(id) => Some(id.clone()),
        Principal::Member(_) => None,
    };
    let creator = Creator { key, manages_owners: caller.manages_owners };
    insert(store, caller.org, new, creator, once).await
}

async fn insert<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewKey,
    creator: Creator,
    once: IdempotentWrite<CreatedKey, R>,
) -> Result<R> {
    let key = ApiKey::generate()?;
    let row = validated(&key, new, creator.manages_owners)?;
    let write = move |connection: &mut _| {
        if !crate::store::orgs::exists(connection, org)? {
            return Err(orgs::not_found().into());
        }
        if let Some(sessions) = &row.sessions {
            let owned = keys::count_sessions(connection, org, sessions)?;
            if usize::try_from(owned) != Ok(sessions.len()) {
                return Err(not_all_sessions().into());
            }
        }
        let expires_at = expiry(connection, org, creator.key.as_ref(), row.expires_at)?;
        let info = KeyInfo::from(keys::insert(connection, org, &NewKeyRow { expires_at, ..row.clone() })?);
        Ok(CreatedKey { token: key.token(), info })
    };
    once.write(store, org, write).await
}

/// When a key expires that was asked to expire then: not after the key it is created with.
fn expiry(
    connection: &mut Connection,
    org: OrgId,
    creator: Option<&KeyId>,
    asked: Option<Instant>,
) -> StoreResult<Option<Instant>> {
    let creator = creator.map(|id| keys::lock(connection, org, id)).transpose()?.flatten();
    let latest = creator.and_then(|key| key.expires_at);
    match (asked, latest) {
        (Some(asked), Some(latest)) if asked > latest => {
            Err(Error::invalid("expires_at", "must not be after that of the key it is created with").into())
        }
        _ => Ok(asked.or(latest)),
    }
}

/// Whether a key that reaches only these sessions, `None` for all, reaches no others than those.
fn is_within(sessions: Option<&[SessionId]>, reachable: &[SessionId]) -> bool {
    sessions.is_some_and(|sessions| sessions.iter().all(|session| reachable.contains(session)))
}

fn not_all_sessions() -> Error {
    Error::invalid("session_ids", "must name sessions that the key's creator reaches")
}

/// The organization's keys, oldest first, revoked ones included.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<KeyInfo>> {
    orgs::require(store, org).await?;
    let rows = store.read(move |connection| keys::list(connection, org)).await?;
    Ok(rows.into_iter().map(KeyInfo::from).collect())
}

/// A page of the keys that the caller may see, oldest first, revoked ones included: those that reach no session which the
/// caller does not.
pub async fn page(
    store: &Store,
    cursors: &SigningKeys,
    caller: &Caller,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<KeyInfo>> {
    let (org, size, scope) = (caller.org, page::size(limit), Scope::of("api-keys"));
    let (micros, id): (i64, String) = page::after(cursor, (cursors, org, &scope))?;
    let (after, reachable) = ((Instant::from_micros(micros), id), caller.sessions.clone());
    let read = move |connection: &mut _| {
        keys::page(connection, org, reachable.as_deref(), (after.0, &after.1), size + 1)
    };
    let rows = store.read(read).await?;
    let position = |row: &KeyRow| (row.created_at.micros(), row.id.to_string());
    let Page { items, next } = page::cut(rows, size, position, (cursors, org, &scope))?;
    Ok(Page { items: items.into_iter().map(KeyInfo::from).collect(), next })
}

/// The organization a key belongs to, for an operator who has nothing but its id.
pub async fn owner(store: &Store, id: KeyId) -> Result<OrgId> {
    let key = store.read(move |connection| keys::find(connection, &id)).await?;
    key.map(|key| key.org).ok_or_else(not_found)
}

/// Revokes a key; it is refused everywhere within 5 seconds. Revoking it again changes nothing. To who reaches only some
/// sessions, a key that reaches others does not exist.
pub async fn revoke<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: KeyId,
    reachable: Option<Arc<[SessionId]>>,
    precondition: Precondition<KeyInfo>,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |connection: &mut _| {
        let key = KeyInfo::from(keys::lock(connection, org, &id)?.ok_or_else(not_found)?);
        if reachable.as_deref().is_some_and(|reachable| !is_within(key.sessions.as_deref(), reachable)) {
            return Err(not_found().into());
        }
        precondition.check(&key)?;
        keys::revoke(connection, org, &id)
    };
    once.write(store, org, write).await
}

fn not_found() -> Error {
    Error::not_found("key not found")
}

fn validated(key: &ApiKey, new: NewKey, manages_owners: bool) -> Result<NewKeyRow> {
    let name = name::checked("name", &new.name)?;
    let capabilities: Vec<_> = new.capabilities.iter().map(capability_name).collect();
    if capabilities.is_empty() {
        return Err(Error::invalid("capabilities", "must name at least one capability"));
    }
    if new.expires_at.is_some_and(|expires_at| expires_at <= Instant::now()) {
        return Err(Error::invalid("expires_at", "must lie in the future"));
    }
    let sessions = new.sessions.map(|mut sessions| {
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    });
    if sessions.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::invalid("session_ids", "must name at least one session, or be left out for all"));
    }
    Ok(NewKeyRow {
        id: key.id.clone(),
        name,
        secret_sha256: key.secret_sha256(),
        capabilities,
        sessions,
        expires_at: new.expires_at,
        manages_owners,
    })
}

impl From<KeyRow> for KeyInfo {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            capabilities: row.capabilities.iter().filter_map(|name| capability_from_name(name)).collect(),
            sessions: row.sessions,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            created_at: row.created_at,
        }
    }
}
