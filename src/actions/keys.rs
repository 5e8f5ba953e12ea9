//! Creating, listing and revoking api-keys.

use crate::auth::ApiKey;
use crate::caller::{Capabilities, capability_from_name, capability_name};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::ids::{KeyId, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::Store;
use crate::store::keys::{self, KeyRow, NewKeyRow};

/// The longest name of a key, in characters.
pub const MAX_NAME: usize = 100;

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
    /// The public part of the key.
    pub id: KeyId,
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

/// Creates a key of the organization.
pub async fn create(store: &Store, org: OrgId, new: NewKey) -> Result<CreatedKey> {
    let key = ApiKey::generate()?;
    let row = validated(&key, new)?;
    let write = move |connection: &mut _| {
        if let Some(sessions) = &row.sessions {
            let owned = keys::count_sessions(connection, org, sessions)?;
            if usize::try_from(owned) != Ok(sessions.len()) {
                return Err(Error::invalid("sessions", "must all be sessions of the organization").into());
            }
        }
        if keys::insert(connection, org, &row)? {
            Ok(())
        } else {
            Err(Error::not_found("organization not found").into())
        }
    };
    store.write(org, write).await?;
    Ok(CreatedKey { token: key.token(), id: key.id })
}

/// The organization's keys, oldest first, revoked ones included.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<KeyInfo>> {
    let rows = store.read(move |connection| keys::list(connection, org)).await?;
    Ok(rows.into_iter().map(KeyInfo::from).collect())
}

/// The organization a key belongs to, for an operator who has nothing but its id.
pub async fn owner(store: &Store, id: KeyId) -> Result<OrgId> {
    let key = store.read(move |connection| keys::find(connection, &id)).await?;
    key.map(|key| key.org).ok_or_else(|| Error::not_found("key not found"))
}

/// Revokes a key; it is refused everywhere within 5 seconds. Revoking it again changes nothing.
pub async fn revoke(store: &Store, org: OrgId, id: KeyId) -> Result<()> {
    let known = store.write(org, move |connection| keys::revoke(connection, org, &id)).await?;
    if known { Ok(()) } else { Err(Error::not_found("key not found")) }
}

fn validated(key: &ApiKey, new: NewKey) -> Result<NewKeyRow> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "name",
            format!("must be 1 to {MAX_NAME} characters, none of them a control"),
        ));
    }
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
        return Err(Error::invalid("sessions", "must name at least one session, or be left out for all"));
    }
    Ok(NewKeyRow {
        id: key.id.clone(),
        name,
        secret_sha256: key.secret_sha256(),
        capabilities,
        sessions,
        expires_at: new.expires_at,
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
