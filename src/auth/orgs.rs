//! Checks whether the organization of a login token is enabled.

use moka::future::Cache;

use super::lookup::{self, AuthError};
use crate::ids::OrgId;
use crate::store::{Store, keys};

/// Looks organizations up in the database.
pub(super) struct Orgs {
    store: Store,
    enabled: Cache<OrgId, bool>,
}

impl Orgs {
    pub(super) fn new(store: Store) -> Self {
        Self { store, enabled: lookup::cache() }
    }

    /// Succeeds if the organization exists and is enabled.
    pub(super) async fn check(&self, org: OrgId) -> Result<(), AuthError> {
        let read = lookup::read(&self.store, "organization", move |connection| {
            keys::org_is_enabled(connection, org)
        });
        match lookup::get_or_load(&self.enabled, org, read).await? {
            true => Ok(()),
            false => Err(AuthError::Invalid),
        }
    }
}
