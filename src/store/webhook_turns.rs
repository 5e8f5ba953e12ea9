//! Whose turn it is to tell a webhook of events, what there is to tell, and what it came to.
//!
//! A turn is a lease on the webhook, written down and gone by itself after a while. A locked row would do without the clock,
//! but it would keep a transaction and its connection for as long as receivers take to answer.

use std::time::Duration;

use diesel::data_types::PgInterval;
use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::events::RoutableEvent;
use super::schema::{events, orgs, webhook_deliveries, webhooks};
use super::views::event_views;
use super::webhook_deliveries::{DeliveryRow, WAITING};
use super::webhooks::WebhookRow;
use crate::ids::{OrgId, WebhookId};
use crate::instant::Instant;

/// An event to tell of.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = event_views, check_for_backend(Pg))]
pub struct Telling {
    /// The chat it tells of.
    pub chat_key: i64,
    /// The event.
    #[diesel(embed)]
    pub watched: RoutableEvent,
}

/// A webhook whose turn it is, and how far it has come.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Pg))]
pub struct Turn {
    /// The webhook.
    #[diesel(embed)]
    pub webhook: WebhookRow,
    /// The event up to which all are taken care of.
    pub position: i64,
    /// How many times in a row nothing could be delivered.
    pub failures: i32,
}

/// What a turn came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The event up to which all are taken care of.
    pub position: i64,
    /// How many times in a row nothing could be delivered.
    pub failures: i32,
    /// Until when the receiver is left alone.
    pub retry_at: Option<Instant>,
    /// What became of each event.
    pub deliveries: Vec<DeliveryRow>,
}

pub(super) fn interval(duration: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// At most that many webhooks that have something to do and nobody who does it, those that were served longest ago first.
/// None of the organizations in `except`.
pub fn due(
    connection: &mut Connection,
    settled: i64,
    except: &[OrgId],
    most: i64,
) -> StoreResult<Vec<(OrgId, WebhookId)>> {
    let waits = webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(webhooks::org_id))
        .filter(webhook_deliveries::webhook_id.eq(webhooks::webhook_id))
        .filter(webhook_deliveries::state.eq(WAITING))
        .filter(webhook_deliveries::next_attempt_at.le(now));
    let happened = events::table
        .filter(events::org_id.eq(webhooks::org_id))
        .filter(events::event_id.gt(webhooks::position))
        .filter(events::event_id.le(settled));
    Ok(webhooks::table
        .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
        .filter(orgs::disabled_at.is_null())
        .filter(webhooks::enabled)
        .filter(webhooks::org_id.ne_all(except))
        .filter(webhooks::lease_expires_at.is_null().or(webhooks::lease_expires_at.le(now)))
        .filter(webhooks::retry_at.is_null().or(webhooks::retry_at.le(now)))
        .filter(exists(waits).or(exists(happened)))
        .order(webhooks::lease_expires_at.asc().nulls_first())
        .limit(most)
        .select((webhooks::org_id, webhooks::webhook_id))
        .load(connection)?)
}

/// When the oldest change happened that a webhook was not told of yet, and the present moment. Webhooks whose receivers do not
/// answer do not count: they are told as soon as they do.
pub fn oldest_untold(connection: &mut Connection) -> StoreResult<Option<(Instant, Instant)>> {
    let next = events::table
        .filter(events::org_id.eq(webhooks::org_id))
        .filter(events::event_id.gt(webhooks::position))
        .order(events::event_id)
        .select(events::at)
        .limit(1)
        .single_value();
    Ok(webhooks::table
        .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
        .filter(orgs::disabled_at.is_null())
        .filter(webhooks::enabled)
        .filter(webhooks::failures.eq(0))
        .filter(next.is_not_null())
        .order(next.asc())
        .select((next.assume_not_null(), now.into_sql::<Timestamptz>()))
        .first(connection)
        .optional()?)
}

/// Takes the turn at a webhook, for that long; `None` when somebody else has it, or there is none to have.
pub fn take(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    by: Uuid,
    length: Duration,
) -> StoreResult<Option<Turn>> {
    let free = webhooks::table
        .filter(webhooks::org_id.eq(org))
        .filter(webhooks::webhook_id.eq(id))
        .filter(webhooks::enabled)
        .filter(webhooks::lease_expires_at.is_null().or(webhooks::lease_expires_at.le(now)));
    let until = now.into_sql::<Timestamptz>() + interval(length);
    let take = diesel::update(free)
        .set((webhooks::lease_holder.eq(by), webhooks::lease_expires_at.eq(until.nullable())));
    Ok(take.returning(Turn::as_returning()).get_result(connection).optional()?)
}

/// Ends the turn with what it came to. Says whether it was still ours; if not, nothing of it counts.
pub fn end(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    by: Uuid,
    outcome: &Outcome,
) -> StoreResult<bool> {
    let ours = webhooks::table
        .filter(webhooks::org_id.eq(org))
        .filter(webhooks::webhook_id.eq(id))
        .filter(webhooks::lease_holder.eq(by));
    let set = (
        webhooks::position.eq(outcome.position),
        webhooks::failures.eq(outcome.failures),
        webhooks::retry_at.eq(outcome.retry_at),
        webhooks::lease_holder.eq(None::<Uuid>),
        webhooks::lease_expires_at.eq(now),
    );
    if diesel::update(ours).set(set).execute(connection)? == 0 {
        return Ok(false);
    }
    let rows: Vec<_> = outcome
        .deliveries
        .iter()
        .map(|row| (webhook_deliveries::org_id.eq(org), webhook_deliveries::webhook_id.eq(id), row))
        .collect();
    diesel::insert_into(webhook_deliveries::table)
        .values(rows)
        .on_conflict((
            webhook_deliveries::org_id,
            webhook_deliveries::webhook_id,
            webhook_deliveries::event_id,
        ))
        .do_update()
        .set((
            webhook_deliveries::state.eq(excluded(webhook_deliveries::state)),
            webhook_deliveries::attempts.eq(excluded(webhook_deliveries::attempts)),
            webhook_deliveries::status.eq(excluded(webhook_deliveries::status)),
            webhook_deliveries::error.eq(excluded(webhook_deliveries::error)),
            webhook_deliveries::attempted_at.eq(excluded(webhook_deliveries::attempted_at)),
            webhook_deliveries::next_attempt_at.eq(excluded(webhook_deliveries::next_attempt_at)),
        ))
        .execute(connection)?;
    Ok(true)
}

/// At most that many deliveries of the webhook that wait, in the order of their events.
pub fn waiting(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    most: i64,
) -> StoreResult<Vec<DeliveryRow>> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(org))
        .filter(webhook_deliveries::webhook_id.eq(id))
        .filter(webhook_deliveries::state.eq(WAITING))
        .order(webhook_deliveries::event_id)
        .limit(most)
        .select(DeliveryRow::as_select())
        .load(connection)?)
}

/// At most that many of the organization's events: those after one number and up to another, in order.
pub fn after(
    connection: &mut Connection,
    org: OrgId,
    after: i64,
    up_to: i64,
    most: i64,
) -> StoreResult<Vec<Telling>> {
    Ok(event_views::table
        .filter(event_views::org_id.eq(org))
        .filter(event_views::event_id.gt(after))
        .filter(event_views::event_id.le(up_to))
        .order(event_views::event_id)
        .limit(most)
        .select(Telling::as_select())
        .load(connection)?)
}

/// The organization's events with these numbers, as far as they are kept.
pub fn with_ids(connection: &mut Connection, org: OrgId, ids: &[i64]) -> StoreResult<Vec<Telling>> {
    Ok(event_views::table
        .filter(event_views::org_id.eq(org))
        .filter(event_views::event_id.eq_any(ids))
        .select(Telling::as_select())
        .load(connection)?)
}
