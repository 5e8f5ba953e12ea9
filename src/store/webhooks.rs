//! Webhooks as the organization set them up.

use diesel::pg::Pg;
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::schema::webhooks;
use super::views::event_head;
use crate::ids::{OrgId, ReceiverUrl, SessionId, WebhookId};
use crate::instant::Instant;

/// A webhook. Its secret is nowhere to be had, but what it is made of beside a key of the service is.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Pg))]
pub struct WebhookRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Where changes are posted to.
    pub url: ReceiverUrl,
    /// The kinds of change that are told; all when empty.
    pub kinds: Vec<String>,
    /// The only sessions whose chats' changes are told; `None` for all.
    #[diesel(column_name = session_ids)]
    pub sessions: Option<Vec<SessionId>>,
    /// Whether changes are told at all.
    pub enabled: bool,
    /// What the secret is made of beside the key.
    pub salt: Vec<u8>,
    /// Which of the service's keys the secret is made of.
    pub key_id: Vec<u8>,
    /// When it was created.
    pub created_at: Instant,
}

/// A webhook to be stored.
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

/// What changes of a webhook: what is not `None`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // as in WebhookRow
pub struct WebhookChanges {
    pub url: Option<ReceiverUrl>,
    pub kinds: Option<Vec<String>>,
    pub sessions: Option<Option<Vec<SessionId>>>,
    pub enabled: Option<bool>,
}

/// Until when a receiver is left alone that is not.
const NEVER: Option<Instant> = None;

/// Inserts a webhook, to be told of what happens from now on.
pub fn insert(connection: &mut Connection, org: OrgId, new: &NewWebhookRow) -> StoreResult<WebhookRow> {
    let last: i64 = event_head::table.select(event_head::last).first(connection)?;
    let values = (
        webhooks::org_id.eq(org),
        webhooks::webhook_id.eq(WebhookId::generate()),
        webhooks::url.eq(&new.url),
        webhooks::kinds.eq(&new.kinds),
        webhooks::session_ids.eq(new.sessions.as_deref()),
        webhooks::enabled.eq(new.enabled),
        webhooks::salt.eq(&new.salt),
        webhooks::key_id.eq(&new.key_id),
        webhooks::position.eq(last),
    );
    let insert = diesel::insert_into(webhooks::table).values(values);
    Ok(insert.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// How many webhooks the organization has.
pub fn count(connection: &mut Connection, org: OrgId) -> StoreResult<i64> {
    Ok(webhooks::table.filter(webhooks::org_id.eq(org)).count().get_result(connection)?)
}

/// At most that many of the organization's webhooks, oldest first: those after that time and id, and of `reachable` those
/// that tell of no other session, if it is given.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    reachable: Option<&[SessionId]>,
    (created_at, id): (Instant, &str),
    limit: i64,
) -> StoreResult<Vec<WebhookRow>> {
    let is_later = webhooks::created_at.gt(created_at).or(webhooks::webhook_id.gt(id));
    let mut page = webhooks::table
        .filter(webhooks::org_id.eq(org))
        // Beside what it means, for the index: a range, which the alternatives are not.
        .filter(webhooks::created_at.ge(created_at))
        .filter(is_later)
        .into_boxed();
    if let Some(reachable) = reachable {
        page = page.filter(webhooks::session_ids.is_contained_by(reachable));
    }
    let oldest = (webhooks::created_at, webhooks::webhook_id);
    Ok(page.order(oldest).limit(limit).select(WebhookRow::as_select()).load(connection)?)
}

/// The webhook.
pub fn find(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    Ok(webhooks::table
        .filter(webhooks::org_id.eq(org))
        .filter(webhooks::webhook_id.eq(id))
        .select(WebhookRow::as_select())
        .first(connection)
        .optional()?)
}

/// The webhook, locked until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<Option<WebhookRow>> {
    Ok(webhooks::table
        .filter(webhooks::org_id.eq(org))
        .filter(webhooks::webhook_id.eq(id))
        .select(WebhookRow::as_select())
        .for_update()
        .first(connection)
        .optional()?)
}

/// Changes the webhook, which is there. However it fared before, it is tried at once.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    changes: &WebhookChanges,
) -> StoreResult<WebhookRow> {
    let webhook = webhooks::table.filter(webhooks::org_id.eq(org)).filter(webhooks::webhook_id.eq(id));
    let set = (
        changes.url.as_ref().map(|url| webhooks::url.eq(url)),
        changes.kinds.as_ref().map(|kinds| webhooks::kinds.eq(kinds)),
        changes.sessions.as_ref().map(|sessions| webhooks::session_ids.eq(sessions.as_deref())),
        changes.enabled.map(|enabled| webhooks::enabled.eq(enabled)),
        webhooks::failures.eq(0),
        webhooks::retry_at.eq(NEVER),
    );
    let update = diesel::update(webhook).set(set);
    Ok(update.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// However the webhook fared before, it is tried at once.
pub fn try_at_once(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    let webhook = webhooks::table.filter(webhooks::org_id.eq(org)).filter(webhooks::webhook_id.eq(id));
    let set = (webhooks::failures.eq(0), webhooks::retry_at.eq(NEVER));
    diesel::update(webhook).set(set).execute(connection)?;
    Ok(())
}

/// Gives the webhook, which is there, another secret. It is tried with that at once.
pub fn resalt(
    connection: &mut Connection,
    org: OrgId,
    id: &WebhookId,
    salt: &[u8],
    key_id: &[u8],
) -> StoreResult<WebhookRow> {
    let webhook = webhooks::table.filter(webhooks::org_id.eq(org)).filter(webhooks::webhook_id.eq(id));
    let set = (
        webhooks::salt.eq(salt),
        webhooks::key_id.eq(key_id),
        webhooks::failures.eq(0),
        webhooks::retry_at.eq(NEVER),
    );
    let update = diesel::update(webhook).set(set);
    Ok(update.returning(WebhookRow::as_returning()).get_result(connection)?)
}

/// Deletes the webhook with its deliveries.
pub fn delete(connection: &mut Connection, org: OrgId, id: &WebhookId) -> StoreResult<()> {
    let webhook = webhooks::table.filter(webhooks::org_id.eq(org)).filter(webhooks::webhook_id.eq(id));
    // Cascades to webhook_deliveries.
    diesel::delete(webhook).execute(connection)?;
    Ok(())
}
