//! Verifies api-keys.

use std::sync::Arc;

use moka::future::Cache;
use subtle::ConstantTimeEq;

use super::api_key::ApiKey;
use super::lookup::{self, AuthError};
use super::token::{TokenHash, hash};
use crate::caller::{Caller, Capabilities, Capability, Claimant, Principal, capability_from_name};
use crate::ids::SessionId;
use crate::instant::Instant;
use crate::store::Store;
use crate::store::keys::{self, KeyRecord};

/// Verifies api-keys against the database.
pub(super) struct Keys {
    store: Store,
    /// `None` is an invalid key.
    verified: Cache<TokenHash, Option<Arc<Caller>>>,
}

impl Keys {
    pub(super) fn new(store: Store) -> Self {
        Self { store, verified: lookup::cache() }
    }

    /// The caller of a key that is valid now.
    pub(super) async fn verify(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        let found = lookup::get_or_load(&self.verified, hash(token), self.load(token)).await?;
        let is_current =
            |key: &Arc<Caller>| key.expires_at.is_none_or(|expires_at| Instant::now() < expires_at);
        found.filter(is_current).ok_or(AuthError::Invalid)
    }

    async fn load(&self, token: &str) -> Result<Option<Arc<Caller>>, AuthError> {
        let key = ApiKey::parse(token).ok_or(AuthError::Invalid)?;
        let (org, id) = (key.org, key.id.clone());
        let record = lookup::read(&self.store, "api-key", move |connection| keys::find(connection, org, &id));
        Ok(record.await?.and_then(|record| check(&key, record)))
    }
}

fn check(key: &ApiKey, record: KeyRecord) -> Option<Arc<Caller>> {
    let matches = key.secret_sha256().ct_eq(&record.secret_sha256);
    if !bool::from(matches) || record.revoked_at.is_some() || record.org_disabled_at.is_some() {
        return None;
    }
    let capabilities: Capabilities =
        record.capabilities.iter().filter_map(|name| capability_from_name(name)).collect();
    let sessions: Option<Arc<[SessionId]>> = record.sessions.map(Arc::from);
    let own_claims = capabilities.contains(Capability::Ingest).then(|| key.id.clone());
    let claims = record.claimant.or(own_claims);
    let caller = Caller {
        org: key.org,
        principal: Principal::ApiKey(key.id.clone()),
        capabilities,
        claimant: claims.zip(sessions.clone()).map(|(key, sessions)| Claimant { key, sessions }),
        sessions,
        manages_owners: record.manages_owners,
        member: None,
        role: None,
        issued_at: None,
        expires_at: record.expires_at,
    };
    Some(Arc::new(caller))
}
