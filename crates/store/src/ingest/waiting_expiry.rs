//! Statements for updates that have waited too long for their message or chat.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use crate::connection::{Connection, StoreResult};
use crate::org_rows::org_rows;
use crate::schema::waiting_updates;
use switchboard_core::ids::OrgId;

/// How long an update waits.
const WAITING_DAYS: i32 = 30;

/// Organizations of the updates that have waited too long, oldest first.
pub fn orgs_with_expired_waiting(connection: &mut Connection, limit: i64) -> StoreResult<Vec<OrgId>> {
    Ok(waiting_updates::table
        .filter(waiting_updates::received_at.lt(now.into_sql::<Timestamptz>() - WAITING_DAYS.days()))
        .order(waiting_updates::received_at)
        .limit(limit)
        .select(waiting_updates::org_id)
        .load(connection)?)
}

/// Deletes the organization's updates that have waited too long.
pub fn delete_expired_waiting(connection: &mut Connection, org: OrgId) -> StoreResult<()> {
    let expired = org_rows!(waiting_updates, org)
        .filter(waiting_updates::received_at.lt(now.into_sql::<Timestamptz>() - WAITING_DAYS.days()));
    diesel::delete(expired).execute(connection)?;
    Ok(())
}
