//! Removing events after their retention.
//!
//! Events are removed in the order in which they were written, as ranges of the primary key. So whole pages of the table and
//! of its indexes become free, which later events fill again: the table stays as large as the events that are kept.

use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use crate::connection::{Connection, StoreResult};
use crate::interval::interval;
use crate::schema::{event_heads, events};
use switchboard_core::ids::OrgId;

/// Events of a bucket that are removed in one transaction.
const BATCH: i64 = 1000;

/// At most `limit` buckets whose first event is older than the retention. After a restore, an operator may have skipped numbers.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, i32)>> {
    let first = events::table
        .filter(events::org_id.eq(event_heads::org_id))
        .filter(events::bucket.eq(event_heads::bucket))
        .filter(events::number.gt(event_heads::removed))
        .order(events::number)
        .select(events::at);
    let oldest_kept = now.into_sql::<Timestamptz>() - interval(retention);
    Ok(event_heads::table
        .filter(first.single_value().lt(oldest_kept.nullable()))
        .limit(limit)
        .select((event_heads::org_id, event_heads::bucket))
        .load(connection)?)
}

/// Removes the first events of these buckets, up to one that is younger than the retention.
pub fn remove_expired(
    connection: &mut Connection,
    org: OrgId,
    buckets: &[i32],
    retention: Duration,
) -> StoreResult<()> {
    let mut removed = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let of_bucket = || events::table.filter(events::org_id.eq(org)).filter(events::bucket.eq(*bucket));
        let oldest: Vec<(i64, bool)> = of_bucket()
            .order(events::number)
            .limit(BATCH)
            .select((events::number, events::at.lt(now.into_sql::<Timestamptz>() - interval(retention))))
            .load(connection)?;
        let Some((last, _)) = oldest.into_iter().take_while(|(_, is_expired)| *is_expired).last() else {
            continue;
        };
        diesel::delete(of_bucket().filter(events::number.le(last))).execute(connection)?;
        removed.push((*bucket, last));
    }
    // Last, and in order: writers wait for the heads.
    removed.sort_unstable();
    for (bucket, last) in removed {
        let head = event_heads::table.find((org, bucket)).filter(event_heads::removed.lt(last));
        diesel::update(head).set(event_heads::removed.eq(last)).execute(connection)?;
    }
    Ok(())
}
