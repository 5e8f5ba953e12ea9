//! The log of what changed: how long it is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::Result;
use crate::ids::OrgId;
use crate::store::{Store, events};

/// How many events are removed at a time.
const BATCH: i64 = 1000;

/// Removes a batch of events that are older than the retention. Says whether there may be others.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let expired = store.read(move |connection| events::expired(connection, retention, BATCH)).await?;
    let is_full = i64::try_from(expired.len()) == Ok(BATCH);
    let mut by_org: BTreeMap<OrgId, Vec<i64>> = BTreeMap::new();
    for (org, event) in expired {
        by_org.entry(org).or_default().push(event);
    }
    for (org, ids) in by_org {
        store.write(org, move |connection| events::delete(connection, org, &ids)).await?;
    }
    Ok(is_full)
}
