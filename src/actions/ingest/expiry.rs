//! Removes updates whose message has not arrived for too long.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::store::Store;
use crate::store::ingest as rows;

/// Expired updates that are looked up together.
const BATCH: i64 = 1000;

/// Deletes a batch of expired updates. Returns whether there may be more.
pub async fn delete_expired(store: &Store) -> Result<bool> {
    let orgs = store.read(|connection| rows::orgs_with_expired_waiting(connection, BATCH)).await?;
    let is_full = i64::try_from(orgs.len()) == Ok(BATCH);
    for org in orgs.into_iter().collect::<BTreeSet<_>>() {
        store.write(org, move |tx| rows::delete_expired_waiting(tx, org)).await?;
    }
    Ok(is_full)
}
