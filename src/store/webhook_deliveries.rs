//! Deliveries of events to webhooks.

use std::time::Duration;

use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz};

use super::connection::{Connection, StoreResult};
use super::events::ChangeEvent;
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::{webhook_deliveries, webhooks};
use super::views::event_views;
use crate::ids::{OrgId, SessionId, WebhookId};
use crate::instant::Instant;

/// The expressions of an event's bucket and number.
mod event_key {
    diesel::infix_operator!(BitAnd, " & ", diesel::sql_types::Integer, backend: diesel::pg::Pg);
    diesel::infix_operator!(ShiftRight, " >> ", diesel::sql_types::BigInt, backend: diesel::pg::Pg);
}

/// To be attempted, now or later.
pub const WAITING: &str = "waiting";
/// Accepted by the endpoint.
pub const DELIVERED: &str = "delivered";
/// A dead letter: not attempted again unless it is replayed.
pub const DEAD: &str = "dead";

/// The delivery of an event to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Pg))]
pub struct DeliveryRow {
    /// The event.
    pub event_id: i64,
    /// The chat of the event.
    pub chat_key: i64,
    /// [`WAITING`], [`DELIVERED`] or [`DEAD`].
    pub state: String,
    /// Attempts since it was created or last replayed.
    pub attempts: i32,
    /// The HTTP status of the last response.
    pub status: Option<i32>,
    /// Why the last attempt got no response.
    pub error: Option<String>,
    /// When it was last attempted.
    pub attempted_at: Option<Instant>,
    /// When it is due, while it waits.
    pub next_attempt_at: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
}

impl DeliveryRow {
    /// A delivery that has not been attempted.
    pub fn new(event_id: i64, chat_key: i64, next_attempt_at: Instant) -> Self {
        Self {
            event_id,
            chat_key,
            state: WAITING.to_owned(),
            attempts: 0,
            status: None,
            error: None,
            attempted_at: None,
            next_attempt_at: Some(next_attempt_at),
            created_at: Instant::now(),
        }
    }
}

/// At most `limit` deliveries of events before `before`, newest first.
/// Each with its event while that is stored.
///
/// Empty when the webhook does not select only sessions in `allowed`.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    allowed: Option<&[SessionId]>,
    state: Option<&str>,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<(DeliveryRow, Option<ChangeEvent>)>> {
    let event = event_views::org_id
        .eq(webhook_deliveries::org_id)
        .and(
            event_views::bucket
                .eq(event_key::BitAnd::new(webhook_deliveries::event_id, 15_i64.into_sql::<BigInt>())),
        )
        .and(
            event_views::number
                .eq(event_key::ShiftRight::new(webhook_deliveries::event_id, 4.into_sql::<Integer>())),
        );
    let mut page = webhook_deliveries::table
        .left_join(event_views::table.on(event))
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.lt(before))
        .into_boxed();
    if let Some(state) = state {
        page = page.filter(webhook_deliveries::state.eq(state));
    }
    if let Some(allowed) = allowed {
        let visible = org_rows!(webhooks, org, webhook_id = id)
            .filter(webhooks::session_ids.is_contained_by(allowed))
            .select(webhooks::webhook_id);
        page = page.filter(exists(visible));
    }
    Ok(page
        .order(webhook_deliveries::event_id.desc())
        .limit(limit)
        .select((DeliveryRow::as_select(), Option::<ChangeEvent>::as_select()))
        .load(connection)?)
}

/// The delivery's state, locked until the transaction ends.
pub fn lock_state(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    event: i64,
) -> StoreResult<Option<String>> {
    let state = webhook_deliveries::table.find((org, id, event)).select(webhook_deliveries::state);
    Ok(state.for_update().first(connection).optional()?)
}

/// Resets one dead letter, or all of the webhook, to waiting. Returns their number.
pub fn revive(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    event: Option<i64>,
) -> StoreResult<usize> {
    let dead = org_rows!(webhook_deliveries, org, webhook_id = id, state = DEAD);
    let set = (
        webhook_deliveries::state.eq(WAITING),
        webhook_deliveries::attempts.eq(0),
        webhook_deliveries::next_attempt_at.eq(now),
    );
    Ok(match event {
        Some(event) => diesel::update(dead.filter(webhook_deliveries::event_id.eq(event)))
            .set(set)
            .execute(connection)?,
        None => diesel::update(dead).set(set).execute(connection)?,
    })
}

/// At most `limit` deliveries older than the retention, oldest first.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, (WebhookId, i64))>> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::created_at.lt(now.into_sql::<Timestamptz>() - interval(retention)))
        .order(webhook_deliveries::created_at)
        .limit(limit)
        .select((webhook_deliveries::org_id, (webhook_deliveries::webhook_id, webhook_deliveries::event_id)))
        .load(connection)?)
}

/// Deletes the webhook's deliveries of these events.
pub fn delete(connection: &mut Connection, org: OrgId, id: &WebhookId, events: &[i64]) -> StoreResult<()> {
    let deliveries = org_rows!(webhook_deliveries, org, webhook_id = id);
    diesel::delete(deliveries.filter(webhook_deliveries::event_id.eq_any(events))).execute(connection)?;
    Ok(())
}
