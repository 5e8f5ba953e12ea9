//! Events: what changed of which chat, written by triggers in the transaction that changed it.

use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use super::schema::events;
use super::{Connection, StoreResult};
use crate::ids::OrgId;

/// Which of the oldest events are older than the retention: whose they are, and their numbers. At most that many.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    most: i64,
) -> StoreResult<Vec<(OrgId, i64)>> {
    let kept = PgInterval::from_microseconds(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX));
    // Numbers are drawn in the order of time: the oldest ones are first, and no more rows are read than these.
    let oldest: Vec<(OrgId, i64, bool)> = events::table
        .order(events::event_id)
        .limit(most)
        .select((events::org_id, events::event_id, events::at.lt(now.into_sql::<Timestamptz>() - kept)))
        .load(connection)?;
    Ok(oldest.into_iter().filter(|(.., is_old)| *is_old).map(|(org, event, _)| (org, event)).collect())
}

/// Removes these events of the organization.
pub fn delete(connection: &mut Connection, org: OrgId, ids: &[i64]) -> StoreResult<()> {
    let removed = events::table.filter(events::org_id.eq(org)).filter(events::event_id.eq_any(ids));
    diesel::delete(removed).execute(connection)?;
    Ok(())
}
