//! The ends of event logs, and what is known about a position in one.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::positions::Positions;
use super::read;
use crate::catalog::{clock_timestamp, pg_postmaster_start_time};
use crate::connection::{Connection, StoreResult};
use crate::routing;
use crate::schema::{event_heads, orgs};
use switchboard_core::error::Error;
use switchboard_core::ids::OrgId;
use switchboard_core::instant::Instant;

/// The end of an organization's event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last event of each bucket.
    pub last: Positions,
    /// Events up to these positions have been removed.
    pub removed: Positions,
    /// When it was read.
    pub at: Instant,
    /// When the server started that it was read from. Another server may have another history.
    pub server: Instant,
    /// Whether the server itself timed the events, not several nodes of a cluster.
    pub has_one_clock: bool,
}

/// An organization, the current time, the start of the server, and a bucket with its last and its last removed number, if it
/// has any.
type HeadRow = (OrgId, Instant, Instant, Option<(i32, i64, i64)>);

/// The ends of the organizations' event logs.
pub fn heads(connection: &mut Connection, of_orgs: &[OrgId]) -> StoreResult<BTreeMap<OrgId, Head>> {
    let bucket = (event_heads::bucket, event_heads::last, event_heads::removed).nullable();
    let rows: Vec<HeadRow> = orgs::table
        .left_join(event_heads::table.on(event_heads::org_id.eq(orgs::org_id)))
        .filter(orgs::org_id.eq_any(of_orgs))
        // No event that is visible is later: the clock is read after the snapshot was taken.
        .select((orgs::org_id, clock_timestamp(), pg_postmaster_start_time(), bucket))
        .load(connection)?;
    let start = Positions::default();
    let mut heads: BTreeMap<OrgId, Head> = BTreeMap::new();
    let has_one_clock = !routing::is_by_org();
    for (org, at, server, bucket) in rows {
        let head = heads.entry(org).or_insert_with(|| Head {
            last: start,
            removed: start,
            at,
            server,
            has_one_clock,
        });
        if let Some((bucket, last, removed)) = bucket {
            let of_bucket = |number| Positions::of([(usize::try_from(bucket).unwrap_or_default(), number)]);
            (head.last, head.removed) =
                (head.last.max(of_bucket(last)), head.removed.max(of_bucket(removed)));
        }
    }
    Ok(heads)
}

/// The end of the organization's event log.
pub fn head(connection: &mut Connection, org: OrgId) -> StoreResult<Head> {
    Ok(heads(connection, &[org])?.remove(&org).ok_or_else(|| Error::not_found("organization not found"))?)
}

/// The end of the organization's event log, and the latest time of the events at these positions.
pub fn head_and_time(
    connection: &mut Connection,
    org: OrgId,
    positions: &Positions,
) -> StoreResult<(Head, Option<Instant>)> {
    Ok((head(connection, org)?, read::time_of(connection, org, positions)?))
}
