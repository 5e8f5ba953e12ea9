//! Webhooks as the organization configured them.

use std::time::Duration;

use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};

use super::connection::{Connection, StoreResult};
use super::events::{self, Positions};
use super::interval::interval;
use super::org_rows::{created_after, is_org_enabled, org_rows};
use super::schema::webhooks;
use super::transaction::Transaction;
use super::webhook_queues;
use switchboard_core::config::Quota;
use switchboard_core::ids::{KeyId, OrgId, ReceiverUrl, SessionId, WebhookId};
use switchboard_core::instant::Instant;

/// A webhook. Its secret is derived from a signing key and the salt.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Pg))]
pub struct WebhookRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The endpoint.
    pub url: ReceiverUrl,
    /// The kinds of change event to send; empty selects all.
    pub kinds: Vec<String>,
    /// The sessions whose events are sent; `None` selects all.
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    /// Whether events are sent.
    pub enabled: bool,
    /// The random input of the secret's derivation.
    pub salt: Vec<u8>,
    /// The signing key from which the secret is derived.
    pub key_id: Vec<u8>,
    /// When it was created.
    pub created_at: Instant,
    /// Consecutive runs in which the endpoint failed for every chat.
    pub failures: i32,
    /// When the first of the attempts failed that all have failed since.
    pub failing_since: Option<Instant>,
    /// When the service disabled it because the endpoint had failed for long.
    pub disabled_at: Option<Instant>,
    /// The key whose claims are not delivered.
    pub claimant: Option<KeyId>,
}

/// A webhook to insert.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // as in WebhookRow
pub struct NewWebhookRow {
    pub webhook_id: WebhookId,
    pub url: ReceiverUrl,
    pub kinds: Vec<String>,
    pub sessions: Option<Vec<SessionId>>,
    pub enabled: bool,
    pub salt: Vec<u8>,
    pub key_id: Vec<u8>,
    pub claimant: Option<KeyId>,
}

/// The columns to change; `None` keeps a column.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = webhooks)]
#[allow(missing_docs)] // as in WebhookRow
pub struct WebhookChanges {
    pub url: Option<ReceiverUrl>,
    pub kinds: Option<Vec<String>>,
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Option<Vec<SessionId>>>,
    pub enabled: Option<bool>,
    pub disabled_at: Option<Option<Instant>>,
    pub salt: Option<Vec<u8>>,
    pub key_id: Option<Vec<u8>>,
}

impl WebhookChanges {
    /// Whether the caller asked for no change.
    pub fn is_empty(&self) -> bool {
        self.url.is_none() && self.kinds.is_none() && self.sessions.is_none() && self.enabled.is_none()
    }
}

diesel::define_sql_function! {
    /// The earlier time; the second when the first is null. A distributed planner refuses `coalesce` with the current time.
    fn least(one: Nullable<Timestamptz>, other: Timestamptz) -> Timestamptz;
}

/// Clears what is known of failed attempts.
macro_rules! no_failures {
    () => {
        (
            webhooks::failures.eq(0),
            webhooks::retry_at.eq(None::<Instant>),
            webhooks::failing_since.eq(None::<Instant>),
        )
    };
}

/// Inserts a webhook that receives the events after the current event head.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, new: &NewWebhookRow) -> StoreResult<WebhookRow> {
    tx.added(Quota::Webhooks);
    let connection: &mut Connection = tx;
    let last = events::head(connection, org)?.last;
    let values = (
        webhooks::org_id.eq(org),
        webhooks::webhook_id.eq(&new.webhook_id),
        webhooks::url.eq(&new.url),
        webhooks::kinds.eq(&new.kinds),
        webhooks::session_ids.eq(new.sessions.as_deref()),
        webhooks::enabled.eq(new.enabled),
        webhooks::salt.eq(&new.salt),
        webhooks::key_id.eq(&new.key_id),
        webhooks::claimant.eq(&new.claimant),
        webhooks::positions.eq(Vec::from(last)),
    );
    let insert = diesel::insert_into(webhooks::table).values(values);
    Ok(insert.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// At most `limit` webhooks after that time and id, oldest first.
/// Only those that select only sessions in `allowed`, and that were created with `claimant`, if any.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    (allowed, claimant): (Option<&[SessionId]>, Option<&KeyId>),
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<WebhookRow>> {
    let mut page = created_after!(webhooks, org, webhook_id, (created_at, id), limit).into_boxed();
    if let Some(allowed) = allowed {
        page = page.filter(webhooks::session_ids.is_contained_by(allowed));
    }
    if let Some(claimant) = claimant {
        page = page.filter(webhooks::claimant.eq(claimant));
    }
    Ok(page.select(WebhookRow::as_select()).load(connection)?)
}

/// The webhook.
pub fn find(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    let webhook = webhooks::table.find((org, id)).select(WebhookRow::as_select());
    Ok(webhook.first(connection).optional()?)
}

/// The webhook, if events are sent to it: it and its organization are enabled.
pub fn find_enabled(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
) -> StoreResult<Option<WebhookRow>> {
    let webhook = webhooks::table.find((org, id)).filter(webhooks::enabled).filter(is_org_enabled!(org));
    Ok(webhook.select(WebhookRow::as_select()).first(connection).optional()?)
}

/// The webhook, locked until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    let webhook = webhooks::table.find((org, id)).select(WebhookRow::as_select());
    Ok(webhook.for_update().first(connection).optional()?)
}

/// Changes an existing webhook, and ends its backoff.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    changes: &WebhookChanges,
) -> StoreResult<WebhookRow> {
    webhook_queues::retry_now(connection, org, id)?;
    let update = diesel::update(webhooks::table.find((org, id))).set((changes, no_failures!()));
    Ok(update.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// Ends the webhook's backoff.
pub fn retry_now(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    succeeded(connection, org, id)?;
    webhook_queues::retry_now(connection, org, id)
}

/// Records that the endpoint accepted a delivery.
pub fn succeeded(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    diesel::update(webhooks::table.find((org, id))).set(no_failures!()).execute(connection)?;
    Ok(())
}

/// Records that every attempt of a run failed.
/// With a backoff, the webhook is not served until its end, and the run counts as a failure.
pub fn failed(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    backoff: Option<Duration>,
) -> StoreResult<()> {
    let time = || now.into_sql::<Timestamptz>();
    let set = (
        webhooks::failures.eq(webhooks::failures + i32::from(backoff.is_some())),
        webhooks::retry_at.eq((time() + interval(backoff.unwrap_or_default())).nullable()),
        webhooks::failing_since.eq(least(webhooks::failing_since, time()).nullable()),
    );
    diesel::update(webhooks::table.find((org, id))).set(set).execute(connection)?;
    Ok(())
}

/// Disables an enabled webhook whose attempts have failed for that long.
/// Returns whether it did.
pub fn disable_failing(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    after: Duration,
) -> StoreResult<bool> {
    let failing = webhooks::table
        .find((org, id))
        .filter(webhooks::enabled)
        .filter(webhooks::failing_since.le((now.into_sql::<Timestamptz>() - interval(after)).nullable()));
    let set =
        (webhooks::enabled.eq(false), webhooks::disabled_at.eq(now.into_sql::<Timestamptz>().nullable()));
    Ok(diesel::update(failing).set(set).execute(connection)? > 0)
}

/// An enabled webhook of an enabled organization, and the positions up to which its events have deliveries, locked until the
/// transaction ends. `None` also when it is locked already.
pub fn lock_positions(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
) -> StoreResult<Option<(WebhookRow, Positions)>> {
    let found: Option<(WebhookRow, Vec<i64>)> = webhooks::table
        .find((org, id))
        .filter(webhooks::enabled)
        .filter(is_org_enabled!(org))
        .select((WebhookRow::as_select(), webhooks::positions))
        .for_no_key_update()
        .skip_locked()
        .first(connection)
        .optional()?;
    Ok(found.map(|(row, positions)| (row, positions.into())))
}

/// Sets the positions up to which the webhook's events have deliveries.
pub fn set_positions(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    positions: Positions,
) -> StoreResult<()> {
    let update = diesel::update(webhooks::table.find((org, id)));
    update.set(webhooks::positions.eq(Vec::from(positions))).execute(connection)?;
    Ok(())
}

/// Deletes the webhook. The database deletes its deliveries.
pub fn delete(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    diesel::delete(webhooks::table.find((org, id))).execute(connection)?;
    Ok(())
}
