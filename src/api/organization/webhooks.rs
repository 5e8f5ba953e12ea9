//! The organization's webhooks.

use tonic::{Request, Response};

use super::{Answer, session_ids};
use crate::actions::webhooks::{
    self as actions, DeliveryRow, NewWebhook, WebhookChange, WebhookRow, Webhooks,
};
use crate::api::changes::webhook_event;
use crate::api::etag::{condition, versioned};
use crate::api::guard::caller;
use crate::api::idempotency::once;
use crate::api::mask::Mask;
use crate::error::{Error, Result};
use crate::ids::{OrgId, WebhookId};
use crate::instant::Instant;
use crate::pb::{
    CreateWebhookRequest, DeleteWebhookRequest, GetWebhookRequest, ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse, ListWebhooksRequest, ListWebhooksResponse, ReplayWebhookDeliveryRequest,
    ReplayWebhookRequest, ReplayWebhookResponse, RotateWebhookSecretRequest, SecretWebhook,
    UpdateWebhookRequest, Webhook, WebhookDelivery,
};
use crate::store::events::ChangeEvent;

pub(super) async fn list(
    webhooks: &Webhooks,
    request: Request<ListWebhooksRequest>,
) -> Answer<ListWebhooksResponse> {
    let caller = caller(&request)?;
    let ListWebhooksRequest { limit, cursor } = request.into_inner();
    let page = webhooks.page(&caller, limit, &cursor).await?;
    let data = page.items.into_iter().map(webhook).collect();
    Ok(Response::new(ListWebhooksResponse { data, next_cursor: page.next }))
}

pub(super) async fn create(
    webhooks: &Webhooks,
    request: Request<CreateWebhookRequest>,
) -> Answer<SecretWebhook> {
    let caller = caller(&request)?;
    let once = once(&request, Response::new, made)?;
    let request = request.into_inner();
    let new = NewWebhook {
        url: request.url,
        kinds: request.actions,
        sessions: Some(session_ids(&request.session_ids)?),
        enabled: request.enabled.unwrap_or(true),
    };
    Ok(webhooks.create(&caller, new, once).await?)
}

pub(super) async fn get(webhooks: &Webhooks, request: Request<GetWebhookRequest>) -> Answer<Webhook> {
    let caller = caller(&request)?;
    let row = webhooks.get(&caller, id(&request.get_ref().webhook_id)?).await?;
    Ok(versioned(webhook(row)))
}

pub(super) async fn update(webhooks: &Webhooks, request: Request<UpdateWebhookRequest>) -> Answer<Webhook> {
    let caller = caller(&request)?;
    let precondition = condition(request.metadata(), webhook);
    let once = once(&request, versioned, webhook)?;
    let request = request.into_inner();
    let id = id(&request.webhook_id)?;
    Ok(webhooks.update(&caller, id, change(request)?, precondition, once).await?)
}

pub(super) async fn rotate(
    webhooks: &Webhooks,
    request: Request<RotateWebhookSecretRequest>,
) -> Answer<SecretWebhook> {
    let caller = caller(&request)?;
    let precondition = condition(request.metadata(), webhook);
    let once = once(&request, Response::new, made)?;
    Ok(webhooks.rotate(&caller, id(&request.get_ref().webhook_id)?, precondition, once).await?)
}

pub(super) async fn delete(webhooks: &Webhooks, request: Request<DeleteWebhookRequest>) -> Answer<()> {
    let caller = caller(&request)?;
    let precondition = condition(request.metadata(), webhook);
    let once = once(&request, Response::new, |()| ())?;
    Ok(webhooks.delete(&caller, id(&request.get_ref().webhook_id)?, precondition, once).await?)
}

pub(super) async fn deliveries(
    webhooks: &Webhooks,
    request: Request<ListWebhookDeliveriesRequest>,
) -> Answer<ListWebhookDeliveriesResponse> {
    let caller = caller(&request)?;
    let ListWebhookDeliveriesRequest { webhook_id, state, limit, cursor } = request.into_inner();
    let page = webhooks.deliveries(&caller, id(&webhook_id)?, state, limit, &cursor).await?;
    let data = page.items.into_iter().map(|(row, event)| delivery(caller.org, row, event)).collect();
    Ok(Response::new(ListWebhookDeliveriesResponse { data, next_cursor: page.next }))
}

pub(super) async fn replay(
    webhooks: &Webhooks,
    request: Request<ReplayWebhookDeliveryRequest>,
) -> Answer<()> {
    let caller = caller(&request)?;
    let once = once(&request, Response::new, |()| ())?;
    let ReplayWebhookDeliveryRequest { webhook_id, delivery_id } = request.into_inner();
    let (webhook, event) = (id(&webhook_id), event_id(&delivery_id));
    Ok(webhooks.replay(&caller, webhook?, event?, once).await?)
}

pub(super) async fn replay_all(
    webhooks: &Webhooks,
    request: Request<ReplayWebhookRequest>,
) -> Answer<ReplayWebhookResponse> {
    let caller = caller(&request)?;
    let answer = |count: usize| ReplayWebhookResponse { replayed: i64::try_from(count).unwrap_or(i64::MAX) };
    let once = once(&request, Response::new, answer)?;
    Ok(webhooks.replay_all(&caller, id(&request.get_ref().webhook_id)?, once).await?)
}

fn id(text: &str) -> Result<WebhookId> {
    text.parse().map_err(|expected| Error::invalid("webhook_id", expected))
}

fn event_id(text: &str) -> Result<i64> {
    let number = text.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == text);
    number.ok_or_else(|| Error::invalid("delivery_id", "must be the id of a delivery"))
}

fn change(request: UpdateWebhookRequest) -> Result<WebhookChange> {
    let mask = Mask::new(request.update_mask, ["url", "actions", "session_ids", "enabled"])?;
    let webhook = request.webhook.unwrap_or_default();
    let actions = Some(webhook.actions).filter(|actions| !actions.is_empty());
    let sessions = Some(session_ids(&webhook.session_ids)?).filter(|sessions| !sessions.is_empty());
    Ok(WebhookChange {
        url: mask.patch("url", webhook.url),
        kinds: mask.patch("actions", actions),
        sessions: mask.patch("session_ids", sessions),
        enabled: mask.patch("enabled", webhook.enabled),
    })
}

/// The answer that alone holds the secret.
fn made(new: actions::SecretWebhook) -> SecretWebhook {
    SecretWebhook { webhook: Some(webhook(new.row)), secret: new.secret.expose().to_owned() }
}

/// What may be seen of a webhook at any time.
fn webhook(row: WebhookRow) -> Webhook {
    Webhook {
        id: row.webhook_id.to_string(),
        url: Some(row.url.to_string()),
        actions: row.kinds,
        session_ids: row.sessions.iter().flatten().map(ToString::to_string).collect(),
        enabled: Some(row.enabled),
        created_at: row.created_at.millis(),
    }
}

fn delivery(org: OrgId, row: DeliveryRow, event: Option<ChangeEvent>) -> WebhookDelivery {
    WebhookDelivery {
        id: row.event_id.to_string(),
        state: row.state,
        tries: row.attempts,
        status: row.status,
        error: row.error,
        created_at: row.created_at.millis(),
        tried_at: row.attempted_at.map(Instant::millis),
        next_try_at: row.next_attempt_at.map(Instant::millis),
        event: event.map(|event| webhook_event(org, &event)),
    }
}
