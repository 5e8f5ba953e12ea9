//! Deletes expired rows in batches, one transaction an organization.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::ids::OrgId;
use crate::store::{Store, StoreResult, Transaction, name_of};

/// Expired rows that are read at a time.
pub(super) const BATCH: i64 = 1000;

/// Deletes the expired rows. Returns whether the batch is full: there may be more.
pub(super) async fn delete<K, D>(store: &Store, expired: Vec<(OrgId, K)>, delete: D) -> Result<bool>
where
    K: Send + 'static,
    D: Fn(&mut Transaction<'_>, OrgId, &[K]) -> StoreResult<()> + Copy + Send + 'static,
{
    let is_full = i64::try_from(expired.len()) == Ok(BATCH);
    let mut by_org: BTreeMap<OrgId, Vec<K>> = BTreeMap::new();
    for (org, key) in expired {
        by_org.entry(org).or_default().push(key);
    }
    for (org, keys) in by_org {
        store.write_named(name_of::<D>(), org, move |tx| delete(tx, org, &keys)).await?;
    }
    Ok(is_full)
}
