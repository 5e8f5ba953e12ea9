//! Decides about presented api-keys, remembering for a moment what the database said.

use std::sync::Arc;

use moka::future::Cache;
use subtle::ConstantTimeEq;

use super::{ApiKey, CACHE_CAPACITY, FRESH, LOAD_TIMEOUT, Rejection, TokenHash, hash};
use crate::caller::{Caller, Identity, Principal, capability_from_name};
use crate::instant::Instant;
use crate::store::Store;
use crate::store::keys::{self, KeyRecord};
use crate::telemetry::causes;

/// A key that was found good.
#[derive(Clone)]
struct GoodKey {
    caller: Arc<Caller>,
    expires_at: Option<Instant>,
}

/// The presented keys of the last seconds. `None` is a key that was found bad.
pub(super) struct Keys {
    store: Store,
    seen: Cache<TokenHash, Option<GoodKey>>,
}

impl Keys {
    pub(super) fn new(store: Store) -> Self {
        let seen = Cache::builder().max_capacity(CACHE_CAPACITY).time_to_live(FRESH).build();
        Self { store, seen }
    }

    pub(super) async fn identify(&self, token: &str) -> Identity {
        let hash = hash(token);
        let known = match self.seen.get(&hash).await {
            Some(known) => known,
            None => match self.look_up(hash, token).await {
                Ok(known) => known,
                Err(rejection) => return rejection.into(),
            },
        };
        match known {
            Some(key) if key.expires_at.is_none_or(|expires_at| Instant::now() < expires_at) => {
                Identity::Known(key.caller)
            }
            _ => Identity::Refused,
        }
    }

    async fn look_up(&self, hash: TokenHash, token: &str) -> Result<Option<GoodKey>, Rejection> {
        let key = ApiKey::parse(token).ok_or(Rejection::Refused)?;
        // Calls that come while the first one is asking wait for its answer. A failure is remembered by nobody.
        self.seen.try_get_with(hash, self.load(key)).await.map_err(|rejection| *rejection)
    }

    async fn load(&self, key: ApiKey) -> Result<Option<GoodKey>, Rejection> {
        let id = key.id.clone();
        let loading = self.store.read(move |connection| keys::find(connection, &id));
        match tokio::time::timeout(LOAD_TIMEOUT, loading).await {
            Ok(Ok(record)) => Ok(record.and_then(|record| judge(&key, record))),
            Ok(Err(error)) => {
                tracing::warn!(error = %causes(&error), "could not look up an api-key");
                Err(Rejection::Unverified)
            }
            Err(_) => {
                tracing::warn!("could not look up an api-key in time");
                Err(Rejection::Unverified)
            }
        }
    }
}

fn judge(key: &ApiKey, record: KeyRecord) -> Option<GoodKey> {
    let matches = key.secret_sha256().ct_eq(&record.secret_sha256);
    if !bool::from(matches) || record.revoked_at.is_some() || record.org_disabled_at.is_some() {
        return None;
    }
    let caller = Caller {
        org: record.org,
        principal: Principal::ApiKey(key.id.clone()),
        capabilities: record.capabilities.iter().filter_map(|name| capability_from_name(name)).collect(),
        sessions: record.sessions.map(Arc::from),
        manages_owners: record.manages_owners,
    };
    Some(GoodKey { caller: Arc::new(caller), expires_at: record.expires_at })
}
