//! Checks of quotas: how many rows an organization has of each kind.

use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::list_counts::List;
use super::org_rows::org_rows;
use super::schema::{
    api_keys, connections, ingest_senders, labels, list_counts, members, notes, properties, sends, sessions,
    webhooks,
};
use switchboard_core::config::{Quota, Quotas};
use switchboard_core::error::{Error, Kind};
use switchboard_core::ids::OrgId;

/// Fails when the organization has more than its quota allows. Transactions that run at the same time do not see each other,
/// so a quota may be exceeded by as many rows as there are connections.
pub(super) fn check(
    connection: &mut Connection,
    org: OrgId,
    quotas: &Quotas,
    quota: Quota,
) -> StoreResult<()> {
    check_with(connection, org, quotas, (quota, 0))
}

/// Fails when the organization may not have another row of that kind.
pub fn check_room(connection: &mut Connection, org: OrgId, quotas: &Quotas, quota: Quota) -> StoreResult<()> {
    check_with(connection, org, quotas, (quota, 1))
}

/// Fails when the organization would have more than its quota allows with so many more rows.
fn check_with(
    connection: &mut Connection,
    org: OrgId,
    quotas: &Quotas,
    (quota, more): (Quota, i64),
) -> StoreResult<()> {
    let limit = quotas.of(quota);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    if limit == usize::MAX || used(connection, org, quota)? + more <= most {
        return Ok(());
    }
    let message = format!("the quota {} is reached: an organization may have at most {limit}", quota.name());
    Err(Error::new(Kind::QuotaExceeded, message).into())
}

fn used(connection: &mut Connection, org: OrgId, quota: Quota) -> StoreResult<i64> {
    Ok(match quota {
        Quota::ApiKeys => org_rows!(api_keys, org).count().get_result(connection)?,
        Quota::Connections => org_rows!(connections, org).count().get_result(connection)?,
        Quota::IdempotencyBytes => {
            let counts = org_rows!(list_counts, org, list = List::IdempotencyBytes.as_str());
            counts.select(list_counts::count).load::<i64>(connection)?.iter().sum()
        }
        Quota::IngestSenders => org_rows!(ingest_senders, org).count().get_result(connection)?,
        Quota::Labels => org_rows!(labels, org).count().get_result(connection)?,
        Quota::Members => org_rows!(members, org).count().get_result(connection)?,
        Quota::Notes => org_rows!(notes, org).count().get_result(connection)?,
        Quota::Properties => org_rows!(properties, org).count().get_result(connection)?,
        Quota::Sends => org_rows!(sends, org).filter(sends::is_open).count().get_result(connection)?,
        Quota::Sessions => org_rows!(sessions, org).count().get_result(connection)?,
        Quota::Webhooks => org_rows!(webhooks, org).count().get_result(connection)?,
    })
}
