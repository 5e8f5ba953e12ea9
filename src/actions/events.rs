//! Removal of change events after their retention.

use std::time::Duration;

use super::retention::{self, BATCH};
use crate::error::Result;
use crate::ids::OrgId;
use crate::store::{Store, Transaction, events};

/// Removes a batch of expired events. Returns whether there may be more.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let read = move |connection: &mut _| events::expired(connection, retention, BATCH);
    let expired = store.read(read).await?;
    let is_done = expired.is_empty();
    let remove = move |tx: &mut Transaction<'_>, org: OrgId, buckets: &[i32]| {
        events::remove_expired(tx, org, buckets, retention)
    };
    retention::delete(store, expired, remove).await?;
    Ok(!is_done)
}
