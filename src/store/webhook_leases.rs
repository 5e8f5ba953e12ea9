//! Leases of webhooks, their due work, and the results of delivery batches.
//!
//! A lease is a column with an expiry, not a row lock: a row lock would keep a transaction and its connection open for as long
//! as endpoints take to respond.

use std::time::Duration;

use diesel::dsl::{exists, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::events::Positions;
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::{event_heads, events, orgs, webhook_deliveries, webhooks};
use super::webhook_deliveries::{DeliveryRow, WAITING};
use super::webhooks::WebhookRow;
use crate::ids::{OrgId, WebhookId};
use crate::instant::Instant;

/// A leased webhook with its progress.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Pg))]
pub struct LeasedWebhook {
    /// The webhook.
    #[diesel(embed)]
    pub webhook: WebhookRow,
    /// Every event up to these positions is delivered or has a delivery.
    #[diesel(deserialize_as = Vec<i64>)]
    pub positions: Positions,
    /// Consecutive batches that delivered nothing.
    pub failures: i32,
}

/// The result of a delivery batch.
#[derive(Clone, Debug)]
pub struct BatchResult {
    /// Every event up to these positions is delivered or has a delivery.
    pub positions: Positions,
    /// Consecutive batches that delivered nothing.
    pub failures: i32,
    /// When the webhook may be leased again; `None` for now.
    pub retry_at: Option<Instant>,
    /// The deliveries that were created or attempted.
    pub deliveries: Vec<DeliveryRow>,
}

/// At most `limit` unleased webhooks that have work, least recently leased first.
/// Skips the organizations in `except`.
pub fn due(
    connection: &mut Connection,
    except: &[OrgId],
    limit: i64,
) -> StoreResult<Vec<(OrgId, WebhookId)>> {
    let has_due_delivery = webhook_deliveries::table
        .filter(webhook_deliveries::org_id.eq(webhooks::org_id))
        .filter(webhook_deliveries::webhook_id.eq(webhooks::webhook_id))
        .filter(webhook_deliveries::state.eq(WAITING))
        .filter(webhook_deliveries::next_attempt_at.le(now));
    let has_new_event = event_heads::table
        .filter(event_heads::org_id.eq(webhooks::org_id))
        .filter(event_heads::last.gt(webhooks::positions.index(event_heads::bucket + 1)));
    Ok(webhooks::table
        .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
        .filter(orgs::disabled_at.is_null())
        .filter(webhooks::enabled)
        .filter(webhooks::org_id.ne_all(except))
        .filter(webhooks::lease_expires_at.is_null().or(webhooks::lease_expires_at.le(now)))
        .filter(webhooks::retry_at.is_null().or(webhooks::retry_at.le(now)))
        .filter(exists(has_due_delivery).or(exists(has_new_event)))
        .order(webhooks::lease_expires_at.asc().nulls_first())
        .limit(limit)
        .select((webhooks::org_id, webhooks::webhook_id))
        .load(connection)?)
}

/// The time of the oldest event that a webhook has not processed, and the current time.
/// Ignores failing endpoints.
pub fn oldest_undelivered(connection: &mut Connection) -> StoreResult<Option<(Instant, Instant)>> {
    let processed = webhooks::positions.index(event_heads::bucket + 1);
    let next = events::table
        .filter(events::org_id.eq(webhooks::org_id))
        .filter(events::bucket.eq(event_heads::bucket))
        .filter(events::number.gt(processed))
        .order(events::number)
        .select(events::at)
        .limit(1)
        .single_value();
    Ok(webhooks::table
        .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
        .inner_join(event_heads::table.on(event_heads::org_id.eq(webhooks::org_id)))
        .filter(orgs::disabled_at.is_null())
        .filter(webhooks::enabled)
        .filter(webhooks::failures.eq(0))
        .filter(event_heads::last.gt(processed))
        .filter(next.is_not_null())
        .order(next.asc())
        .select((next.assume_not_null(), now.into_sql::<Timestamptz>()))
        .first(connection)
        .optional()?)
}

/// Leases an enabled webhook; `None` when another holder has the lease.
pub fn acquire(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    duration: Duration,
) -> StoreResult<Option<LeasedWebhook>> {
    let free = webhooks::table
        .find((org, id))
        .filter(webhooks::enabled)
        .filter(webhooks::lease_expires_at.is_null().or(webhooks::lease_expires_at.le(now)));
    let expires_at = (now.into_sql::<Timestamptz>() + interval(duration)).nullable();
    let set = (webhooks::lease_holder.eq(holder), webhooks::lease_expires_at.eq(expires_at));
    let acquire = diesel::update(free).set(set).returning(LeasedWebhook::as_returning());
    Ok(acquire.get_result(connection).optional()?)
}

/// Stores the result and releases the lease.
/// Returns `false`, and does nothing, when the holder has lost the lease.
pub fn release(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    result: &BatchResult,
) -> StoreResult<bool> {
    let held = webhooks::table.find((org, id)).filter(webhooks::lease_holder.eq(holder));
    let set = (
        webhooks::positions.eq(Vec::from(result.positions)),
        webhooks::failures.eq(result.failures),
        webhooks::retry_at.eq(result.retry_at),
        webhooks::lease_holder.eq(None::<Uuid>),
        webhooks::lease_expires_at.eq(now),
    );
    if diesel::update(held).set(set).execute(connection)? == 0 {
        return Ok(false);
    }
    let rows = result.deliveries.iter();
    let rows: Vec<_> = rows
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

/// At most `limit` waiting deliveries of the webhook, in event order.
pub fn waiting(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    limit: i64,
) -> StoreResult<Vec<DeliveryRow>> {
    Ok(org_rows!(webhook_deliveries, org, webhook_id = id, state = WAITING)
        .order(webhook_deliveries::event_id)
        .limit(limit)
        .select(DeliveryRow::as_select())
        .load(connection)?)
}
