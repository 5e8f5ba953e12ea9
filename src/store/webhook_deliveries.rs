//! What became of telling webhooks of events.

use std::time::Duration;

use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;

use super::connection::{Connection, StoreResult};
use super::events::ChangeEvent;
use super::schema::{webhook_deliveries, webhooks};
use super::views::event_views;
use super::webhook_turns::interval;
use crate::ids::{OrgId, SessionId, WebhookId};
use crate::instant::Instant;

/// To be tried, now or later.
pub const WAITING: &str = "waiting";
/// Taken by the receiver.
pub const DELIVERED: &str = "delivered";
/// Given up.
pub const DEAD: &str = "dead";

/// What became of telling a webhook of an event.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Pg))]
pub struct DeliveryRow {
    /// The event.
    pub event_id: i64,
    /// The chat it tells of.
    pub chat_key: i64,
    /// [`WAITING`], [`DELIVERED`] or [`DEAD`].
    pub state: String,
    /// How many times it was tried since it came up or was last replayed.
    pub attempts: i32,
    /// The HTTP status of the last answer.
    pub status: Option<i32>,
    /// Why the last try got no answer.
    pub error: Option<String>,
    /// When it was last tried.
    pub attempted_at: Option<Instant>,
    /// From when it is tried again, while it waits.
    pub next_attempt_at: Option<Instant>,
    /// When it came up.
    pub created_at: Instant,
}

/// A delivery, and what it tells of, while that is kept.
pub type Listed = (DeliveryRow, Option<ChangeEvent>);

/// At most that many deliveries of the webhook, those of the latest events first: of events before that one, and in that
/// state, if one is given. None when it tells of sessions that are not `reachable`.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    reachable: Option<&[SessionId]>,
    state: Option<&str>,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<Listed>> {
    let told = event_views::org_id
        .eq(webhook_deliveries::org_id)
        .and(event_views::event_id.eq(webhook_deliveries::event_id));
    let mut page = webhook_deliveries::table
        .left_join(event_views::table.on(told))
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.lt(before))
        .into_boxed();
    if let Some(state) = state {
        page = page.filter(webhook_deliveries::state.eq(state));
    }
    if let Some(reachable) = reachable {
        let visible = webhooks::table
            .filter(webhooks::org_id.eq(org))
            .filter(webhooks::webhook_id.eq(id))
            .filter(webhooks::session_ids.is_contained_by(reachable))
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
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.eq(event))
        .select(webhook_deliveries::state)
        .for_update()
        .first(connection)
        .optional()?)
}

/// Lets dead letters of the webhook wait again as if they had just come up: one, or all. Says how many there were.
pub fn revive(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    event: Option<i64>,
) -> StoreResult<usize> {
    let dead = webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::state.eq(DEAD));
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

/// Some deliveries that came up longer ago than that, the oldest first: whose they are, and which.
pub fn expired(
    connection: &mut Connection,
    retention: Duration,
    most: i64,
) -> StoreResult<Vec<(OrgId, WebhookId, i64)>> {
    let kept = interval(retention);
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::created_at.lt(now.into_sql::<Timestamptz>() - kept))
        .order(webhook_deliveries::created_at)
        .limit(most)
        .select((webhook_deliveries::org_id, webhook_deliveries::webhook_id, webhook_deliveries::event_id))
        .load(connection)?)
}

/// Removes the webhook's deliveries of these events.
pub fn delete(connection: &mut Connection, org: OrgId, id: &WebhookId, events: &[i64]) -> StoreResult<()> {
    let gone = webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::event_id.eq_any(events));
    diesel::delete(gone).execute(connection)?;
    Ok(())
}
