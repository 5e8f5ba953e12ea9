//! `switchboard.v1.WebhookService`.

use tonic::{Request, Response};

use super::changes::webhook_event;
use super::etag::{precondition, with_etag};
use super::guard::caller;
use super::idempotency::idempotent;
use super::mask::Mask;
use super::parse::{parse, parse_each};
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::webhooks::{self as actions, ListedDelivery, NewWebhook, WebhookChange, WebhookRow};
use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::pb::webhook_service_server::WebhookService;
use crate::pb::{
    CreateWebhookRequest, DeleteWebhookRequest, GetWebhookRequest, ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse, ListWebhooksRequest, ListWebhooksResponse, ReplayWebhookDeliveryRequest,
    ReplayWebhookRequest, ReplayWebhookResponse, RotateWebhookSecretRequest, SecretWebhook,
    UpdateWebhookRequest, Webhook, WebhookDelivery,
};

#[tonic::async_trait]
impl WebhookService for Api {
    async fn list_webhooks(&self, request: Request<ListWebhooksRequest>) -> RpcResult<ListWebhooksResponse> {
        let caller = caller(&request)?;
        let ListWebhooksRequest { limit, cursor } = request.into_inner();
        let page = self.webhooks.page(&caller, limit, &cursor).await?;
        let data = page.items.into_iter().map(webhook).collect();
        Ok(Response::new(ListWebhooksResponse { data, next_cursor: page.next }))
    }

    async fn create_webhook(&self, request: Request<CreateWebhookRequest>) -> RpcResult<SecretWebhook> {
        let caller = caller(&request)?;
        let write = idempotent(&request, Response::new, secret_webhook)?;
        let new = new_webhook(request.into_inner())?;
        Ok(self.webhooks.create(&caller, new, write).await?)
    }

    async fn get_webhook(&self, request: Request<GetWebhookRequest>) -> RpcResult<Webhook> {
        let caller = caller(&request)?;
        let id = parse("webhook_id", &request.get_ref().webhook_id)?;
        let row = self.webhooks.get(&caller, id).await?;
        Ok(with_etag(webhook(row)))
    }

    async fn update_webhook(&self, request: Request<UpdateWebhookRequest>) -> RpcResult<Webhook> {
        let caller = caller(&request)?;
        let (precondition, write) = update(&request, webhook)?;
        let id = parse("webhook_id", &request.get_ref().webhook_id)?;
        let change = webhook_change(request.into_inner())?;
        Ok(self.webhooks.update(&caller, id, change, precondition, write).await?)
    }

    async fn delete_webhook(&self, request: Request<DeleteWebhookRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let (precondition, write) = deletion(&request, webhook)?;
        let id = parse("webhook_id", &request.get_ref().webhook_id)?;
        Ok(self.webhooks.delete(&caller, id, precondition, write).await?)
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<RotateWebhookSecretRequest>,
    ) -> RpcResult<SecretWebhook> {
        let caller = caller(&request)?;
        let precondition = precondition(request.metadata(), webhook);
        let write = idempotent(&request, Response::new, secret_webhook)?;
        let id = parse("webhook_id", &request.get_ref().webhook_id)?;
        Ok(self.webhooks.rotate(&caller, id, precondition, write).await?)
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<ListWebhookDeliveriesRequest>,
    ) -> RpcResult<ListWebhookDeliveriesResponse> {
        let caller = caller(&request)?;
        let ListWebhookDeliveriesRequest { webhook_id, state, limit, cursor } = request.into_inner();
        let id = parse("webhook_id", &webhook_id)?;
        let page = self.webhooks.deliveries(&caller, id, state, limit, &cursor).await?;
        let data = page.items.into_iter().map(|listed| delivery(caller.org, listed)).collect();
        Ok(Response::new(ListWebhookDeliveriesResponse { data, next_cursor: page.next }))
    }

    async fn replay_webhook_delivery(&self, request: Request<ReplayWebhookDeliveryRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let write = idempotent(&request, Response::new, |()| ())?;
        let ReplayWebhookDeliveryRequest { webhook_id, delivery_id } = request.into_inner();
        let (webhook, event) = (parse("webhook_id", &webhook_id)?, event_id(&delivery_id)?);
        Ok(self.webhooks.replay(&caller, webhook, event, write).await?)
    }

    async fn replay_webhook(
        &self,
        request: Request<ReplayWebhookRequest>,
    ) -> RpcResult<ReplayWebhookResponse> {
        let caller = caller(&request)?;
        let write = idempotent(&request, Response::new, replayed)?;
        let id = parse("webhook_id", &request.get_ref().webhook_id)?;
        Ok(self.webhooks.replay_all(&caller, id, write).await?)
    }
}

/// The id of a delivery is its event's, in the one spelling that deliveries have.
pub(super) fn event_id(text: &str) -> Result<i64> {
    let number = text.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == text);
    number.ok_or_else(|| Error::invalid("delivery_id", "must be the id of a delivery"))
}

fn new_webhook(request: CreateWebhookRequest) -> Result<NewWebhook> {
    Ok(NewWebhook {
        id: None,
        url: request.url,
        kinds: request.actions,
        sessions: Some(parse_each("session_ids", &request.session_ids, parse)?),
        enabled: request.enabled.unwrap_or(true),
    })
}

fn webhook_change(request: UpdateWebhookRequest) -> Result<WebhookChange> {
    let mask = Mask::new(request.update_mask, ["url", "actions", "session_ids", "enabled"])?;
    let webhook = request.webhook.unwrap_or_default();
    let actions = Some(webhook.actions).filter(|actions| !actions.is_empty());
    let sessions = parse_each("session_ids", &webhook.session_ids, parse)?;
    let sessions = Some(sessions).filter(|sessions| !sessions.is_empty());
    Ok(WebhookChange {
        url: mask.patch("url", webhook.url),
        kinds: mask.patch("actions", actions),
        sessions: mask.patch("session_ids", sessions),
        enabled: mask.patch("enabled", webhook.enabled),
    })
}

/// The only message that contains the secret.
fn secret_webhook(new: actions::SecretWebhook) -> SecretWebhook {
    SecretWebhook { webhook: Some(webhook(new.row)), secret: new.secret.expose().to_owned() }
}

fn webhook(row: WebhookRow) -> Webhook {
    Webhook {
        id: row.webhook_id.to_string(),
        url: Some(row.url.to_string()),
        actions: row.kinds,
        session_ids: row.sessions.iter().flatten().map(ToString::to_string).collect(),
        enabled: Some(row.enabled),
        created_at: row.created_at.millis(),
        failing_since: row.failing_since.map(Instant::millis),
        disabled_at: row.disabled_at.map(Instant::millis),
    }
}

fn delivery(org: OrgId, (row, due_at, event): ListedDelivery) -> WebhookDelivery {
    WebhookDelivery {
        id: row.event_id.to_string(),
        state: row.state,
        tries: row.attempts,
        status: row.status,
        error: row.error,
        created_at: row.created_at.millis(),
        tried_at: row.attempted_at.map(Instant::millis),
        next_try_at: due_at.map(Instant::millis),
        event: event.map(|event| webhook_event(org, &event, None)),
    }
}

fn replayed(count: usize) -> ReplayWebhookResponse {
    ReplayWebhookResponse { replayed: i64::try_from(count).unwrap_or(i64::MAX) }
}
