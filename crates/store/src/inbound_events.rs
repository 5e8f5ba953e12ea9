//! Events as gateways sent them.

use std::time::Duration;

use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use super::bulk::{insert_rows, update_rows};
use super::connection::{Connection, StoreResult};
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::{connections, inbound_events};
use switchboard_core::ids::{ConnectionId, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// To be mapped.
pub const RECEIVED: &str = "received";
/// Stored as ingest events.
pub const MAPPED: &str = "mapped";
/// Says nothing that is stored.
pub const IGNORED: &str = "ignored";
/// Could not be mapped or stored.
pub const FAILED: &str = "failed";

/// An event to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInboundEvent {
    /// The gateway's id of the event, or a hash of it.
    pub key: String,
    /// The chat that it concerns, as the gateway names it; empty for none.
    pub chat: String,
    /// The event as JSON.
    pub body: String,
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = inbound_events, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of inbound_events, documented in the migrations
pub struct InboundEventRow {
    pub arrival: i64,
    pub event_key: String,
    pub chat: String,
    pub state: String,
    pub body: String,
    pub became: String,
    pub error: Option<String>,
    pub received_at: Instant,
    pub mapped_at: Option<Instant>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedEvent {
    /// The key of the event.
    pub key: String,
    /// [`MAPPED`], [`IGNORED`] or [`FAILED`].
    pub state: &'static str,
    /// The ingest events, one a line.
    pub became: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// Stores events, except those with a key that is stored. Returns the number of new ones.
pub fn insert(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    events: &[NewInboundEvent],
) -> StoreResult<usize> {
    let rows = insert_rows!(org, inbound_events, events, |event| {
        connection_id: id,
        event_key: event.key.as_str(),
        chat: event.chat.as_str(),
        body: event.body.as_str(),
    });
    Ok(rows.on_conflict_do_nothing().execute(connection)?)
}

/// At most `limit` events to map, in order of arrival.
pub fn received(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    limit: i64,
) -> StoreResult<Vec<InboundEventRow>> {
    let received = org_rows!(inbound_events, org, connection_id = id, state = RECEIVED);
    let received = received.order(inbound_events::arrival).limit(limit);
    Ok(received.select(InboundEventRow::as_select()).load(connection)?)
}

/// The connections among these that have events to map.
pub fn with_received(
    connection: &mut Connection,
    orgs: &[OrgId],
    among: &[ConnectionId],
) -> StoreResult<Vec<ConnectionId>> {
    let received = inbound_events::table
        .filter(inbound_events::org_id.eq(connections::org_id))
        .filter(inbound_events::connection_id.eq(connections::connection_id))
        .filter(inbound_events::state.eq(RECEIVED));
    Ok(connections::table
        .filter(connections::org_id.eq_any(orgs))
        .filter(connections::connection_id.eq_any(among))
        .filter(exists(received))
        .select(connections::connection_id)
        .load(connection)?)
}

/// Stores what became of events.
pub fn store_results(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    events: &[MappedEvent],
) -> StoreResult<()> {
    let mapped_at = Some(Instant::now());
    let update = update_rows!(org, inbound_events, events, |event| {
        connection_id: id, event_key: event.key.as_str()
    } set {
        state: event.state,
        became: event.became.as_str(),
        error: event.error.as_deref(),
        mapped_at: mapped_at,
    });
    update.execute(connection)?;
    let failed = events.iter().filter(|event| event.state == FAILED).count();
    if failed > 0 {
        let failed = i64::try_from(failed).unwrap_or(i64::MAX);
        diesel::update(connections::table.find((org, id)))
            .set(connections::failed_events.eq(connections::failed_events + failed))
            .execute(connection)?;
    }
    Ok(())
}

/// At most `limit` events before `before`, newest first.
pub fn page(
    connection: &mut Connection,
    (org, id): (OrgId, &ConnectionId),
    sessions: Option<&[SessionId]>,
    state: Option<&str>,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<InboundEventRow>> {
    let events = org_rows!(inbound_events, org, connection_id = id);
    let mut page = events.filter(inbound_events::arrival.lt(before)).into_boxed();
    if let Some(state) = state {
        page = page.filter(inbound_events::state.eq(state));
    }
    if let Some(sessions) = sessions {
        let is_visible = org_rows!(connections, org, connection_id = id)
            .filter(connections::session_id.eq_any(sessions.iter()));
        page = page.filter(exists(is_visible));
    }
    let newest = inbound_events::arrival.desc();
    Ok(page.order(newest).limit(limit).select(InboundEventRow::as_select()).load(connection)?)
}

/// The state of an event, locked until the transaction ends.
pub fn lock_state(
    connection: &mut Connection,
    org: OrgId,
    id: &ConnectionId,
    arrival: i64,
) -> StoreResult<Option<String>> {
    let event = org_rows!(inbound_events, org, connection_id = id, arrival = arrival);
    Ok(event.select(inbound_events::state).for_update().first(connection).optional()?)
}

/// Makes an event be mapped again.
pub fn replay(connection: &mut Connection, org: OrgId, id: &ConnectionId, arrival: i64) -> StoreResult<()> {
    let event = org_rows!(inbound_events, org, connection_id = id, arrival = arrival);
    diesel::update(event).set(inbound_events::state.eq(RECEIVED)).execute(connection)?;
    Ok(())
}

/// Makes all failed events be mapped again, and returns their number.
pub fn replay_failed(connection: &mut Connection, org: OrgId, id: &ConnectionId) -> StoreResult<usize> {
    let failed = org_rows!(inbound_events, org, connection_id = id, state = FAILED);
    Ok(diesel::update(failed).set(inbound_events::state.eq(RECEIVED)).execute(connection)?)
}

/// At most `limit` mapped events that arrived longer ago than that, of all organizations.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, (ConnectionId, String))>> {
    let oldest = now.into_sql::<Timestamptz>() - interval(retention);
    Ok(inbound_events::table
        .filter(inbound_events::received_at.lt(oldest))
        .filter(inbound_events::state.ne(RECEIVED))
        .order(inbound_events::received_at)
        .limit(limit)
        .select((inbound_events::org_id, (inbound_events::connection_id, inbound_events::event_key)))
        .load(connection)?)
}

/// Deletes events of a connection that do not wait for being mapped.
pub fn delete(connection: &mut Connection, org: OrgId, id: &ConnectionId, keys: &[&str]) -> StoreResult<()> {
    let events =
        org_rows!(inbound_events, org, connection_id = id).filter(inbound_events::state.ne(RECEIVED));
    diesel::delete(events.filter(inbound_events::event_key.eq_any(keys))).execute(connection)?;
    Ok(())
}
