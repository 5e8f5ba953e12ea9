//! Deliveries of events to webhooks.

use std::time::Duration;

use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz};

use super::bulk::{insert_rows, update_rows};
use super::connection::{Connection, StoreResult};
use super::events::{ChangeEvent, RoutableEvent};
use super::interval::interval;
use super::org_rows::org_rows;
use super::org_views::{View, of_org};
use super::schema::{webhook_deliveries, webhook_queues, webhooks};
use super::views::event_views;
use switchboard_core::ids::{KeyId, OrgId, SessionId, WebhookId};
use switchboard_core::instant::Instant;

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
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
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
    /// When it was created.
    pub created_at: Instant,
}

/// The event of a delivery, as a join of `event_views`.
macro_rules! event_of_delivery {
    () => {
        event_views::org_id
            .eq(webhook_deliveries::org_id)
            .and(
                event_views::bucket
                    .eq(event_key::BitAnd::new(webhook_deliveries::event_id, 15_i64.into_sql::<BigInt>())),
            )
            .and(
                event_views::number
                    .eq(event_key::ShiftRight::new(webhook_deliveries::event_id, 4.into_sql::<Integer>())),
            )
    };
}

/// A delivery, when it is due while it waits, and its event while that is stored.
pub type ListedDelivery = (DeliveryRow, Option<Instant>, Option<ChangeEvent>);

/// Adds deliveries of events of chats, unless they exist.
pub fn insert(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    events: &[(i64, i64)],
) -> StoreResult<()> {
    let rows = insert_rows!(org, webhook_deliveries, events, |row| {
        webhook_id: id, event_id: row.0, chat_key: row.1, state: WAITING, attempts: 0,
    });
    rows.on_conflict_do_nothing().execute(connection)?;
    Ok(())
}

/// The webhook's deliveries of these events, in order.
/// Each with its event while that is stored.
pub fn find(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    events: &[i64],
) -> StoreResult<Vec<(DeliveryRow, Option<ChangeEvent>)>> {
    let found = webhook_deliveries::table
        .left_join(event_views::table.on(event_of_delivery!()))
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.eq_any(events))
        .order(webhook_deliveries::event_id)
        .select((DeliveryRow::as_select(), Option::<ChangeEvent>::as_select()));
    Ok(of_org(org, View::Events, found).load(connection)?)
}

/// At most `limit` stored events after that one to which the webhook has deliveries, in the order of their ids.
pub fn events_after(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<RoutableEvent>> {
    let events = webhook_deliveries::table
        .inner_join(event_views::table.on(event_of_delivery!()))
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.gt(after))
        .order(webhook_deliveries::event_id)
        .limit(limit)
        .select(RoutableEvent::as_select());
    Ok(of_org(org, View::Events, events).load(connection)?)
}

/// Stores the results of attempts that ended at that time.
pub fn store_results(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    rows: &[DeliveryRow],
    at: Instant,
) -> StoreResult<()> {
    let update = update_rows!(org, webhook_deliveries, rows, |row| { webhook_id: id, event_id: row.event_id } set {
        state: row.state.as_str(),
        attempts: row.attempts,
        status: row.status,
        error: row.error.as_deref(),
        attempted_at: (row.attempts > 0).then_some(at),
    });
    update.execute(connection)?;
    Ok(())
}

/// At most `limit` deliveries of events before `before`, newest first.
///
/// Empty unless the webhook selects only sessions in `allowed`, and was created with `claimant`, if any.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    (allowed, claimant): (Option<&[SessionId]>, Option<&KeyId>),
    state: Option<&str>,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<ListedDelivery>> {
    let is_in_backoff = webhook_queues::org_id
        .eq(webhook_deliveries::org_id)
        .and(webhook_queues::webhook_id.eq(webhook_deliveries::webhook_id))
        .and(webhook_queues::chat_key.eq(webhook_deliveries::chat_key))
        .and(webhook_queues::holder.is_null())
        .and(webhook_deliveries::state.eq(WAITING));
    let mut page = webhook_deliveries::table
        .left_join(event_views::table.on(event_of_delivery!()))
        .left_join(webhook_queues::table.on(is_in_backoff))
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
    if let Some(claimant) = claimant {
        let visible = org_rows!(webhooks, org, webhook_id = id)
            .filter(webhooks::claimant.eq(claimant))
            .select(webhooks::webhook_id);
        page = page.filter(exists(visible));
    }
    let page = page.order(webhook_deliveries::event_id.desc()).limit(limit).select((
        DeliveryRow::as_select(),
        webhook_queues::due_at.nullable(),
        Option::<ChangeEvent>::as_select(),
    ));
    Ok(of_org(org, View::Events, page).load(connection)?)
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

/// Resets one dead letter, or all of the webhook, to waiting.
/// Returns the chat of each.
pub fn revive(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    event: Option<i64>,
) -> StoreResult<Vec<i64>> {
    let dead = org_rows!(webhook_deliveries, org, webhook_id = id, state = DEAD);
    let set = (webhook_deliveries::state.eq(WAITING), webhook_deliveries::attempts.eq(0));
    let chat = webhook_deliveries::chat_key;
    Ok(match event {
        Some(event) => diesel::update(dead.filter(webhook_deliveries::event_id.eq(event)))
            .set(set)
            .returning(chat)
            .get_results(connection)?,
        None => diesel::update(dead).set(set).returning(chat).get_results(connection)?,
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
