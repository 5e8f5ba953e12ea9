//! The queue of webhook deliveries: a row for each webhook and chat that has waiting deliveries.
//!
//! A row is leased by one holder at a time, which sends the deliveries of the chat in order. A lease is an expiry, not a row
//! lock: a row lock would keep a transaction and its connection open for as long as endpoints take to respond. All times are
//! the database's.

use std::time::Duration;

use diesel::dsl::{array, exists, not, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use uuid::Uuid;

use super::bulk::{insert_rows, update_rows};
use super::connection::{Connection, StoreResult};
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::{event_heads, events, orgs, webhook_deliveries, webhook_queues, webhooks};
use super::webhook_deliveries::WAITING;
use switchboard_core::ids::{OrgId, WebhookId};
use switchboard_core::instant::Instant;

/// How long a lease lasts without renewal.
/// Another instance continues the work of a killed one after this time.
pub const LEASE: Duration = Duration::from_secs(6);

diesel::define_sql_function! {
    /// A random number.
    fn random() -> Double;
}

/// Whether the queue row has the webhook of the outer query.
macro_rules! is_of_webhook {
    ($table:ident) => {
        $table::org_id.eq(webhooks::org_id).and($table::webhook_id.eq(webhooks::webhook_id))
    };
}

/// The waiting deliveries of the queue row of the outer query.
macro_rules! waiting {
    () => {
        webhook_deliveries::table
            .filter(webhook_deliveries::org_id.eq(webhook_queues::org_id))
            .filter(webhook_deliveries::webhook_id.eq(webhook_queues::webhook_id))
            .filter(webhook_deliveries::chat_key.eq(webhook_queues::chat_key))
            .filter(webhook_deliveries::state.eq(WAITING))
    };
}

/// At most `limit` webhooks with new events or due chats.
/// In random order: when there are more than can be served, each has the same chance.
pub fn due(connection: &mut Connection, limit: i64) -> StoreResult<Vec<(OrgId, WebhookId)>> {
    let has_due_chat =
        webhook_queues::table.filter(is_of_webhook!(webhook_queues)).filter(webhook_queues::due_at.le(now));
    let has_new_event = event_heads::table
        .filter(event_heads::org_id.eq(webhooks::org_id))
        .filter(event_heads::last.gt(webhooks::positions.index(event_heads::bucket + 1)));
    Ok(webhooks::table
        .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
        .filter(orgs::disabled_at.is_null())
        .filter(webhooks::enabled)
        .filter(webhooks::retry_at.is_null().or(webhooks::retry_at.le(now)))
        .filter(exists(has_due_chat).or(exists(has_new_event)))
        .order(random())
        .limit(limit)
        .select((webhooks::org_id, webhooks::webhook_id))
        .load(connection)?)
}

/// When the oldest work was due, and the current time; `None` without any.
/// Of webhooks whose endpoints respond only.
/// Work is an event without deliveries, or a chat that nobody holds.
pub fn oldest_due(connection: &mut Connection) -> StoreResult<Option<(Instant, Instant)>> {
    macro_rules! oldest {
        ($of_webhooks:expr, $time:expr) => {
            $of_webhooks
                .inner_join(orgs::table.on(orgs::org_id.eq(webhooks::org_id)))
                .filter(orgs::disabled_at.is_null())
                .filter(webhooks::enabled)
                .filter(webhooks::failing_since.is_null())
                .order($time)
                .select(($time, now.into_sql::<Timestamptz>()))
                .first(connection)
                .optional()?
        };
    }
    let processed = webhooks::positions.index(event_heads::bucket + 1);
    let has_new = event_heads::org_id.eq(webhooks::org_id).and(event_heads::last.gt(processed));
    // After a restore, an operator may have skipped numbers.
    let next = events::table
        .filter(events::org_id.eq(event_heads::org_id))
        .filter(events::bucket.eq(event_heads::bucket))
        .filter(events::number.gt(processed))
        .order(events::number)
        .select(events::at);
    let event: Option<(Option<Instant>, Instant)> =
        oldest!(webhooks::table.inner_join(event_heads::table.on(has_new)), next.single_value());
    let event = event.and_then(|(at, present)| Some((at?, present)));
    let is_due = is_of_webhook!(webhook_queues).and(webhook_queues::due_at.le(now));
    let chat: Option<(Instant, Instant)> =
        oldest!(webhooks::table.inner_join(webhook_queues::table.on(is_due)), webhook_queues::due_at);
    Ok(event.into_iter().chain(chat).min())
}

/// Adds chats to the queue. One that is already in it keeps its time.
pub fn add(connection: &mut Connection, org: OrgId, id: &WebhookId, chats: &[i64]) -> StoreResult<()> {
    insert_rows!(org, webhook_queues, chats, |chat| { webhook_id: id, chat_key: *chat })
        .on_conflict((webhook_queues::org_id, webhook_queues::webhook_id, webhook_queues::chat_key))
        .do_update()
        // Locks the row, so that its holder does not remove it without the new deliveries.
        .set(webhook_queues::due_at.eq(webhook_queues::due_at))
        .execute(connection)?;
    Ok(())
}

/// Makes the chats of the webhook due that nobody holds.
pub fn retry_now(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    let waiting = org_rows!(webhook_queues, org, webhook_id = id)
        .filter(webhook_queues::holder.is_null())
        .filter(webhook_queues::due_at.gt(now));
    diesel::update(waiting).set(webhook_queues::due_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Which chats are leased first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOrder {
    /// Those that are due for the longest time.
    OldestFirst,
    /// Those that became due last: a chat that the endpoint always rejects is rarely among them.
    NewestFirst,
}

/// Leases at most `limit` due chats of a webhook.
/// Returns them with their first `deliveries` waiting events.
pub fn lease(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    order: LeaseOrder,
    (limit, deliveries): (i64, i64),
) -> StoreResult<Vec<(i64, Vec<i64>)>> {
    macro_rules! due {
        ($order:expr) => {
            org_rows!(webhook_queues, org, webhook_id = id)
                .filter(webhook_queues::due_at.le(now))
                .order($order)
                .limit(limit)
                .select(webhook_queues::chat_key)
                .for_update()
                .skip_locked()
                .load::<i64>(connection)?
        };
    }
    let chats = match order {
        LeaseOrder::OldestFirst => due!(webhook_queues::due_at.asc()),
        LeaseOrder::NewestFirst => due!(webhook_queues::due_at.desc()),
    };
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let leased = || {
        org_rows!(webhook_queues, org, webhook_id = id).filter(webhook_queues::chat_key.eq_any(chats.clone()))
    };
    let expires_at = now.into_sql::<Timestamptz>() + interval(LEASE);
    let set = (webhook_queues::holder.eq(holder), webhook_queues::due_at.eq(expires_at));
    diesel::update(leased()).set(set).execute(connection)?;
    let first =
        waiting!().order(webhook_deliveries::event_id).limit(deliveries).select(webhook_deliveries::event_id);
    Ok(leased().select((webhook_queues::chat_key, array(first))).load(connection)?)
}

/// Renews the leases of these chats. Returns how many the holder still has.
pub fn renew(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    chats: &[i64],
) -> StoreResult<usize> {
    let held = org_rows!(webhook_queues, org, webhook_id = id, holder = holder);
    let expires_at = now.into_sql::<Timestamptz>() + interval(LEASE);
    let renew = diesel::update(held.filter(webhook_queues::chat_key.eq_any(chats)));
    Ok(renew.set(webhook_queues::due_at.eq(expires_at)).execute(connection)?)
}

/// Releases these chats, due from now on.
/// Returns those that the holder had, locked until the transaction ends, and the current time.
pub fn release(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    holder: Uuid,
    chats: &[i64],
) -> StoreResult<Vec<(i64, Instant)>> {
    let held = org_rows!(webhook_queues, org, webhook_id = id, holder = holder);
    let set = (webhook_queues::holder.eq(None::<Uuid>), webhook_queues::due_at.eq(now));
    let release = diesel::update(held.filter(webhook_queues::chat_key.eq_any(chats))).set(set);
    let returned = (webhook_queues::chat_key, webhook_queues::due_at);
    Ok(release.returning(returned).get_results(connection)?)
}

/// Sets when chats are due that [`release`] returned.
pub fn defer(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    due: &[(i64, Instant)],
) -> StoreResult<()> {
    let update = update_rows!(org, webhook_queues, due, |row| { webhook_id: id, chat_key: row.0 } set { due_at: row.1 });
    update.execute(connection)?;
    Ok(())
}

/// Removes those of these chats that have no waiting delivery.
/// [`release`] must have locked them.
pub fn remove_finished(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    chats: &[i64],
) -> StoreResult<()> {
    let chats =
        org_rows!(webhook_queues, org, webhook_id = id).filter(webhook_queues::chat_key.eq_any(chats));
    diesel::delete(chats.filter(not(exists(waiting!())))).execute(connection)?;
    Ok(())
}
