//! The lease of a connection, and what its holder stores about the line and the sync.

use std::time::Duration;

use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::connections::ConnectionRow;
use super::inbound_events::RECEIVED;
use super::interval::interval;
use super::org_rows::{is_org_enabled, org_rows};
use super::prepared::prepared;
use super::schema::{connections, inbound_events};
use switchboard_core::ids::{ConnectionId, OrgId};
use switchboard_core::instant::Instant;

/// How long a worker holds the lease without renewing it.
pub const LEASE: Duration = Duration::from_secs(6);

/// When a lease expires that is acquired or renewed now.
macro_rules! expiry {
    () => {
        now.into_sql::<Timestamptz>() + interval(LEASE)
    };
}

/// What a holder learns when it renews its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Renewal {
    /// Whether the connection and its organization are still enabled.
    pub enabled: bool,
    /// Increases with every change of the settings.
    pub revision: i64,
    /// When a sync was last requested.
    pub sync_requested_at: Option<Instant>,
}

/// At most `limit` enabled connections of these kinds that nobody holds, of all enabled organizations.
///
/// Reads every connection, with any plan: 3 ms for 10,000 of them, whose leases take a hundred times as long to renew. With an
/// index of the expiry, each renewal would add an entry to every index.
pub fn free(
    connection: &mut Connection,
    kinds: &[&str],
    limit: i64,
) -> StoreResult<Vec<(OrgId, ConnectionId)>> {
    Ok(connections::table
        .filter(connections::enabled)
        .filter(is_org_enabled!(connections::org_id))
        .filter(connections::kind.eq_any(kinds))
        .filter(connections::lease_expires_at.le(now))
        .limit(limit)
        .select((connections::org_id, connections::connection_id))
        .load(connection)?)
}

/// Acquires the lease of an enabled connection of an enabled organization; `None` while another worker holds it.
pub fn acquire(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    holder: Uuid,
) -> StoreResult<Option<ConnectionRow>> {
    let free = org_rows!(connections, org, connection_id = id)
        .filter(connections::enabled)
        .filter(is_org_enabled!(org))
        .filter(connections::lease_expires_at.le(now));
    let set = (connections::holder.eq(holder), connections::lease_expires_at.eq(expiry!()));
    let acquire = diesel::update(free).set(set).returning(ConnectionRow::as_returning());
    Ok(acquire.get_result(connection).optional()?)
}

/// Renews the lease; `None` when the holder does not have it any more. Stores when events arrived, too.
pub fn renew(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    holder: Uuid,
) -> StoreResult<Option<Renewal>> {
    let events = || org_rows!(inbound_events, org, connection_id = id);
    let pending = events().filter(inbound_events::state.eq(RECEIVED)).order(inbound_events::arrival);
    let newest = events().order(inbound_events::arrival.desc());
    let set = (
        connections::lease_expires_at.eq(expiry!()),
        connections::pending_since.eq(pending.select(inbound_events::received_at).limit(1).single_value()),
        connections::last_event_at.eq(newest.select(inbound_events::received_at).limit(1).single_value()),
    );
    let held = org_rows!(connections, org, connection_id = id, holder = holder);
    let renew = diesel::update(held).set(set).returning((
        connections::enabled.and(is_org_enabled!(org)),
        connections::revision,
        connections::sync_requested_at,
    ));
    Ok(prepared(renew).get_result(connection).optional()?)
}

/// Releases the lease if the holder has it.
pub fn release(connection: &mut Connection, org: OrgId, id: &ConnectionId, holder: Uuid) -> StoreResult<()> {
    let held = org_rows!(connections, org, connection_id = id, holder = holder);
    let set = (connections::holder.eq(None::<Uuid>), connections::lease_expires_at.eq(now));
    diesel::update(held).set(set).execute(connection)?;
    Ok(())
}

/// Stores the state of the line, unless it is in the state `unless`. Returns the state before; `None` when nothing was stored
/// because of that, or there is no such connection.
pub fn set_status(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    (status, reason): (&str, &str),
    unless: Option<&str>,
) -> StoreResult<Option<String>> {
    let row = || org_rows!(connections, org, connection_id = id);
    let stored = row().select((connections::status, connections::reason)).for_no_key_update();
    let Some(before) = stored.first::<(String, String)>(connection).optional()? else { return Ok(None) };
    if unless == Some(before.0.as_str()) {
        return Ok(None);
    }
    if (before.0.as_str(), before.1.as_str()) != (status, reason) {
        let set = (connections::status.eq(status), connections::reason.eq(reason));
        diesel::update(row()).set(set).execute(connection)?;
    }
    Ok(Some(before.0))
}

/// Starts a sync, and returns when.
pub fn start_sync(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    progress: &str,
) -> StoreResult<Instant> {
    let set = (
        connections::sync_started_at.eq(now.into_sql::<Timestamptz>().nullable()),
        connections::sync_finished_at.eq(None::<Instant>),
        connections::sync_progress.eq(progress),
    );
    let update = diesel::update(connections::table.find((org, id))).set(set);
    Ok(update.returning(connections::sync_started_at.assume_not_null()).get_result(connection)?)
}

/// Stores how far the sync is, and whether its last step failed.
pub fn store_progress(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    progress: &str,
    has_failed: bool,
) -> StoreResult<()> {
    let failed = connections::failed_syncs + i32::from(has_failed);
    let set = (connections::sync_progress.eq(progress), connections::failed_syncs.eq(failed));
    diesel::update(connections::table.find((org, id))).set(set).execute(connection)?;
    Ok(())
}

/// Ends a sync, after which everything until that time is stored.
pub fn finish_sync(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    progress: &str,
    complete_until: Instant,
) -> StoreResult<()> {
    let set = (
        connections::sync_finished_at.eq(now.into_sql::<Timestamptz>().nullable()),
        connections::sync_progress.eq(progress),
        connections::complete_until.eq(complete_until),
        connections::failed_syncs.eq(0),
    );
    diesel::update(connections::table.find((org, id))).set(set).execute(connection)?;
    Ok(())
}
