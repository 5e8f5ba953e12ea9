//! Webhooks as the organization configured them.

use diesel::pg::Pg;
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::events;
use super::org_rows::org_rows;
use super::schema::webhooks;
use super::transaction::Transaction;
use crate::config::Quota;
use crate::ids::{OrgId, ReceiverUrl, SessionId, WebhookId};
use crate::instant::Instant;

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
}

/// A webhook to insert.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // as in WebhookRow
pub struct NewWebhookRow {
    pub url: ReceiverUrl,
    pub kinds: Vec<String>,
    pub sessions: Option<Vec<SessionId>>,
    pub enabled: bool,
    pub salt: Vec<u8>,
    pub key_id: Vec<u8>,
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
}

/// Clears the backoff of an endpoint, so that its next batch starts at once.
macro_rules! no_backoff {
    () => {
        (webhooks::failures.eq(0), webhooks::retry_at.eq(None::<Instant>))
    };
}

/// Inserts a webhook that receives the events after the current event head.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, new: &NewWebhookRow) -> StoreResult<WebhookRow> {
    tx.added(Quota::Webhooks);
    let connection: &mut Connection = tx;
    let last = events::head(connection, org)?.last;
    let values = (
        webhooks::org_id.eq(org),
        webhooks::webhook_id.eq(WebhookId::generate()),
        webhooks::url.eq(&new.url),
        webhooks::kinds.eq(&new.kinds),
        webhooks::session_ids.eq(new.sessions.as_deref()),
        webhooks::enabled.eq(new.enabled),
        webhooks::salt.eq(&new.salt),
        webhooks::key_id.eq(&new.key_id),
        webhooks::positions.eq(Vec::from(last)),
    );
    let insert = diesel::insert_into(webhooks::table).values(values);
    Ok(insert.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// At most `limit` webhooks after that time and id, oldest first.
/// Only those that select only sessions in `allowed`.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    allowed: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<WebhookRow>> {
    let is_later = webhooks::created_at.gt(created_at).or(webhooks::webhook_id.gt(id));
    let mut page = org_rows!(webhooks, org)
        // Redundant, but a range that the index supports, which the alternatives are not.
        .filter(webhooks::created_at.ge(created_at))
        .filter(is_later)
        .into_boxed();
    if let Some(allowed) = allowed {
        page = page.filter(webhooks::session_ids.is_contained_by(allowed));
    }
    let oldest = (webhooks::created_at, webhooks::webhook_id);
    Ok(page.order(oldest).limit(limit).select(WebhookRow::as_select()).load(connection)?)
}

/// The webhook.
pub fn find(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    let webhook = webhooks::table.find((org, id)).select(WebhookRow::as_select());
    Ok(webhook.first(connection).optional()?)
}

/// The webhook, locked until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    let webhook = webhooks::table.find((org, id)).select(WebhookRow::as_select());
    Ok(webhook.for_update().first(connection).optional()?)
}

/// Changes an existing webhook and clears its backoff.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    changes: &WebhookChanges,
) -> StoreResult<WebhookRow> {
    let update = diesel::update(webhooks::table.find((org, id))).set((changes, no_backoff!()));
    Ok(update.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// Clears the webhook's backoff.
pub fn reset_backoff(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    diesel::update(webhooks::table.find((org, id))).set(no_backoff!()).execute(connection)?;
    Ok(())
}

/// Replaces the secret of an existing webhook and clears its backoff.
pub fn resalt(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    salt: &[u8],
    key_id: &[u8],
) -> StoreResult<WebhookRow> {
    let set = (webhooks::salt.eq(salt), webhooks::key_id.eq(key_id), no_backoff!());
    let update = diesel::update(webhooks::table.find((org, id))).set(set);
    Ok(update.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// Deletes the webhook. The database deletes its deliveries.
pub fn delete(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    diesel::delete(webhooks::table.find((org, id))).execute(connection)?;
    Ok(())
}
