//! `switchboard.v1.ConnectionService`.

use tonic::{Request, Response};

use super::etag::with_etag;
use super::guard::caller;
use super::idempotency::idempotent;
use super::mask::Mask;
use super::parse::{optional, parse};
use super::state::{Api, RpcResult};
use super::write::{deletion, update};
use crate::actions::connections::{
    ConnectionChange, ConnectionRow, ConnectionScope, InboundEventRow, InboundEvents, Line, NewConnection,
    SyncProgress,
};
use crate::actions::idempotency::IdempotentWrite;
use crate::connect::probe::{self, Tested, status_name};
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::pb::connection_service_server::ConnectionService;
use crate::pb::{
    Connection, ConnectionChange as ChangeMessage, ConnectionEvent, ConnectionSync, CreateConnectionRequest,
    DeleteConnectionRequest, GetConnectionRequest, ListConnectionEventsRequest, ListConnectionEventsResponse,
    ListConnectionsRequest, ListConnectionsResponse, ReplayConnectionEventRequest, ReplayConnectionRequest,
    ReplayConnectionResponse, SyncConnectionRequest, TestConnectionRequest, TestConnectionResponse,
    UpdateConnectionRequest,
};

/// The fields that an update may name.
const FIELDS: [&str; 10] = [
    "url",
    "account",
    "business_account",
    "enabled",
    "sets_webhook",
    "sync_requests_per_minute",
    "sends_per_minute",
    "api_key",
    "webhook_secret",
    "verify_token",
];

#[tonic::async_trait]
impl ConnectionService for Api {
    async fn create_connection(&self, request: Request<CreateConnectionRequest>) -> RpcResult<Connection> {
        let scope = ConnectionScope::from(caller(&request)?);
        let write = idempotent(&request, with_etag, self.connection())?;
        let new = new_connection(request.into_inner())?;
        let created = self.connections.create(scope, new, write).await?;
        self.wakes.wake_search();
        Ok(created)
    }

    async fn get_connection(&self, request: Request<GetConnectionRequest>) -> RpcResult<Connection> {
        let scope = ConnectionScope::from(caller(&request)?);
        let id = parse("connection_id", &request.get_ref().connection_id)?;
        let row = self.connections.get(scope, id).await?;
        Ok(with_etag(self.connection()(row)))
    }

    async fn list_connections(
        &self,
        request: Request<ListConnectionsRequest>,
    ) -> RpcResult<ListConnectionsResponse> {
        let scope = ConnectionScope::from(caller(&request)?);
        let ListConnectionsRequest { limit, cursor } = request.into_inner();
        let page = self.connections.page(scope, limit, &cursor).await?;
        let data = page.items.into_iter().map(self.connection()).collect();
        Ok(Response::new(ListConnectionsResponse { data, next_cursor: page.next }))
    }

    async fn update_connection(&self, request: Request<UpdateConnectionRequest>) -> RpcResult<Connection> {
        let scope = ConnectionScope::from(caller(&request)?);
        let (precondition, write) = update(&request, self.connection())?;
        let id = parse("connection_id", &request.get_ref().connection_id)?;
        let UpdateConnectionRequest { connection, update_mask, .. } = request.into_inner();
        let change = change(&Mask::new(update_mask, FIELDS)?, connection.unwrap_or_default())?;
        let updated = self.connections.update(scope, id, change, precondition, write).await?;
        self.wakes.wake_search();
        Ok(updated)
    }

    async fn delete_connection(&self, request: Request<DeleteConnectionRequest>) -> RpcResult<()> {
        let scope = ConnectionScope::from(caller(&request)?);
        let (precondition, write) = deletion(&request, self.connection())?;
        let id = parse("connection_id", &request.get_ref().connection_id)?;
        Ok(self.connections.delete(scope, id, precondition, write).await?)
    }

    async fn test_connection(
        &self,
        request: Request<TestConnectionRequest>,
    ) -> RpcResult<TestConnectionResponse> {
        let scope = ConnectionScope::from(caller(&request)?);
        let write = idempotent(&request, Response::new, tested)?;
        let TestConnectionRequest { connection_id, set_webhook } = request.into_inner();
        let sets_webhook = set_webhook.unwrap_or(false);
        if sets_webhook && !self.kinds.has_public_url() {
            let problem = "must be false: the service does not know its own URL, see --public-url";
            return Err(Error::invalid("set_webhook", problem).into());
        }
        let output = match self.connections.get(scope.clone(), parse("connection_id", &connection_id)?).await
        {
            Ok(row) => {
                let tested = probe::test(&self.kinds, &row, sets_webhook).await;
                if tested.is_reachable && row.status != probe::status_name(tested.state.status) {
                    // Its worker may not ask the gateway for a while.
                    let id = row.connection_id.clone();
                    self.connections.request_sync(scope.clone(), id, IdempotentWrite::unkeyed()).await?;
                }
                Some(tested)
            }
            // The key may have been used before: for another connection, or before this one was deleted.
            Err(error) if error.kind() == Kind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(self.connections.answer(&scope, output, write).await?)
    }

    async fn sync_connection(&self, request: Request<SyncConnectionRequest>) -> RpcResult<Connection> {
        let scope = ConnectionScope::from(caller(&request)?);
        let write = idempotent(&request, with_etag, self.connection())?;
        let id = parse("connection_id", &request.get_ref().connection_id)?;
        Ok(self.connections.request_sync(scope, id, write).await?)
    }

    async fn list_connection_events(
        &self,
        request: Request<ListConnectionEventsRequest>,
    ) -> RpcResult<ListConnectionEventsResponse> {
        let scope = ConnectionScope::from(caller(&request)?);
        let ListConnectionEventsRequest { connection_id, state, limit, cursor } = request.into_inner();
        let of = InboundEvents { scope, connection: parse("connection_id", &connection_id)? };
        let page = self.connections.events(of, state, limit, &cursor).await?;
        let data = page.items.into_iter().map(event).collect();
        Ok(Response::new(ListConnectionEventsResponse { data, next_cursor: page.next }))
    }

    async fn replay_connection_event(&self, request: Request<ReplayConnectionEventRequest>) -> RpcResult<()> {
        let scope = ConnectionScope::from(caller(&request)?);
        let write = idempotent(&request, Response::new, |()| ())?;
        let ReplayConnectionEventRequest { connection_id, event_id: event } = request.into_inner();
        let of = InboundEvents { scope, connection: parse("connection_id", &connection_id)? };
        Ok(self.connections.replay(of, event_id(&event)?, write).await?)
    }

    async fn replay_connection(
        &self,
        request: Request<ReplayConnectionRequest>,
    ) -> RpcResult<ReplayConnectionResponse> {
        let scope = ConnectionScope::from(caller(&request)?);
        let write = idempotent(&request, Response::new, replayed)?;
        let of =
            InboundEvents { scope, connection: parse("connection_id", &request.get_ref().connection_id)? };
        Ok(self.connections.replay_failed(of, write).await?)
    }
}

/// The number of an event, in the one spelling that events have.
pub(super) fn event_id(text: &str) -> Result<i64> {
    let number = text.parse().ok().filter(|number: &i64| *number > 0 && number.to_string() == text);
    number.ok_or_else(|| Error::invalid("event_id", "must be the id of an event"))
}

fn new_connection(request: CreateConnectionRequest) -> Result<NewConnection> {
    let session = optional("session_id", request.session_id, parse)?;
    let phone = optional("phone_number", request.phone_number, parse)?;
    let line = match (session, phone) {
        (Some(session), None) => Line::Session(session),
        (None, Some(phone)) => Line::Phone(phone),
        (Some(_), Some(_)) => return Err(Error::invalid("phone_number", "must not be set with session_id")),
        (None, None) => return Err(Error::invalid("session_id", "must be set, or phone_number")),
    };
    let settings = ChangeMessage {
        url: request.url,
        account: request.account,
        business_account: request.business_account,
        enabled: None,
        sets_webhook: request.sets_webhook,
        sync_requests_per_minute: request.sync_requests_per_minute,
        sends_per_minute: request.sends_per_minute,
        api_key: request.api_key,
        webhook_secret: request.webhook_secret,
        verify_token: request.verify_token,
    };
    let settings = change(&Mask::new(None, FIELDS)?, settings)?;
    let enabled = request.enabled.unwrap_or(true);
    Ok(NewConnection { published_id: None, kind: request.kind, line, enabled, settings })
}

fn change(mask: &Mask, message: ChangeMessage) -> Result<ConnectionChange> {
    Ok(ConnectionChange {
        url: mask.patch("url", message.url),
        account: mask.patch("account", message.account),
        business_account: mask.patch("business_account", message.business_account),
        enabled: mask.patch("enabled", message.enabled),
        sets_webhook: mask.patch("sets_webhook", message.sets_webhook),
        sync_budget: mask.patch("sync_requests_per_minute", message.sync_requests_per_minute),
        sends_per_minute: mask.patch("sends_per_minute", message.sends_per_minute),
        api_key: secret("api_key", mask.patch("api_key", message.api_key))?,
        webhook_secret: secret("webhook_secret", mask.patch("webhook_secret", message.webhook_secret))?,
        verify_token: secret("verify_token", mask.patch("verify_token", message.verify_token))?,
    })
}

/// A new secret. It cannot be cleared.
fn secret(field: &str, patch: Patch<String>) -> Result<Option<String>> {
    match patch {
        Patch::Keep => Ok(None),
        Patch::Clear => Err(Error::invalid(field, "must be set to a new secret")),
        Patch::Set(secret) => Ok(Some(secret)),
    }
}

impl Api {
    /// Converts rows to messages.
    fn connection(&self) -> impl Fn(ConnectionRow) -> Connection + Clone + Send + 'static {
        let kinds = self.kinds.clone();
        move |row| {
            let webhook_url = kinds.webhook_url(&row);
            message(row, webhook_url)
        }
    }
}

fn message(row: ConnectionRow, webhook_url: String) -> Connection {
    let progress = SyncProgress::parse(&row.sync_progress);
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Connection {
        id: row.connection_id.to_string(),
        kind: row.kind,
        session_id: row.session_id.to_string(),
        webhook_url,
        url: row.url,
        account: row.account,
        business_account: row.business_account,
        enabled: row.enabled,
        sets_webhook: row.sets_webhook,
        sync_requests_per_minute: row.sync_budget,
        sends_per_minute: row.sends_per_minute,
        status: row.status,
        reason: row.reason,
        last_event_at: row.last_event_at.map(Instant::millis),
        pending_since: row.pending_since.map(Instant::millis),
        failed_events: row.failed_events,
        failed_syncs: row.failed_syncs,
        complete_until: row.complete_until.map(Instant::millis),
        sync: Some(ConnectionSync {
            requested_at: row.sync_requested_at.map(Instant::millis),
            started_at: row.sync_started_at.map(Instant::millis),
            finished_at: row.sync_finished_at.map(Instant::millis),
            chats: count(progress.chats),
            total_chats: count(progress.total_chats),
            messages: count(progress.messages),
            error: progress.error,
        }),
        created_at: row.created_at.millis(),
        updated_at: row.updated_at.millis(),
    }
}

fn event(row: InboundEventRow) -> ConnectionEvent {
    ConnectionEvent {
        id: row.arrival.to_string(),
        key: row.event_key,
        chat: row.chat,
        state: row.state,
        body: row.body,
        became: row.became.lines().map(str::to_owned).collect(),
        error: row.error,
        received_at: row.received_at.millis(),
        mapped_at: row.mapped_at.map(Instant::millis),
    }
}

fn tested(tested: Tested) -> TestConnectionResponse {
    TestConnectionResponse {
        reachable: tested.is_reachable,
        status: status_name(tested.state.status).to_owned(),
        reason: tested.state.reason,
        webhook_set: tested.is_webhook_set,
    }
}

fn replayed(count: usize) -> ReplayConnectionResponse {
    ReplayConnectionResponse { replayed: i64::try_from(count).unwrap_or(i64::MAX) }
}
