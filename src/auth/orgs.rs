//! Whether the organization of a login token is enabled, remembered for a moment.

use moka::future::Cache;

use super::{CACHE_CAPACITY, FRESH, LOAD_TIMEOUT, Rejection};
use crate::ids::OrgId;
use crate::store::{Store, keys};
use crate::telemetry::causes;

/// The organizations of the last seconds, and whether they are enabled.
pub(super) struct Orgs {
    store: Store,
    seen: Cache<OrgId, bool>,
}

impl Orgs {
    pub(super) fn new(store: Store) -> Self {
        let seen = Cache::builder().max_capacity(CACHE_CAPACITY).time_to_live(FRESH).build();
        Self { store, seen }
    }

    /// Passes when the organization exists and is not disabled.
    pub(super) async fn check(&self, org: OrgId) -> Result<(), Rejection> {
        let enabled = match self.seen.get(&org).await {
            Some(enabled) => enabled,
            None => self.seen.try_get_with(org, self.load(org)).await.map_err(|rejection| *rejection)?,
        };
        if enabled { Ok(()) } else { Err(Rejection::Refused) }
    }

    async fn load(&self, org: OrgId) -> Result<bool, Rejection> {
        let loading = self.store.read(move |connection| keys::org_is_enabled(connection, org));
        match tokio::time::timeout(LOAD_TIMEOUT, loading).await {
            Ok(Ok(enabled)) => Ok(enabled),
            Ok(Err(error)) => {
                tracing::warn!(error = %causes(&error), "could not look up an organization");
                Err(Rejection::Unverified)
            }
            Err(_) => {
                tracing::warn!("could not look up an organization in time");
                Err(Rejection::Unverified)
            }
        }
    }
}
