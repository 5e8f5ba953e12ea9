//! The RPCs that manage an organization, handed to the file of their noun.

mod keys;
mod labels;
mod members;
mod properties;
mod webhooks;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::guard::caller;
use crate::actions::webhooks::Webhooks;
use crate::caller::Caller;
use crate::cursor::SigningKeys;
use crate::error::{Error, Kind};
use crate::ids::SessionId;
use crate::pb::organization_service_server::OrganizationService;
use crate::pb::{
    AddMemberRequest, ApiKey, CreateApiKeyRequest, CreateLabelRequest, CreatePropertyRequest,
    CreateWebhookRequest, DeleteLabelRequest, DeletePropertyRequest, DeleteWebhookRequest, GetWebhookRequest,
    Label, ListApiKeysRequest, ListApiKeysResponse, ListLabelsRequest, ListLabelsResponse,
    ListMembersRequest, ListMembersResponse, ListPropertiesRequest, ListPropertiesResponse,
    ListWebhookDeliveriesRequest, ListWebhookDeliveriesResponse, ListWebhooksRequest, ListWebhooksResponse,
    Member, Property, RemoveMemberRequest, ReplayWebhookDeliveryRequest, ReplayWebhookRequest,
    ReplayWebhookResponse, RevokeApiKeyRequest, RotateWebhookSecretRequest, SecretWebhook,
    UpdateLabelRequest, UpdateMemberRequest, UpdatePropertyRequest, UpdateWebhookRequest, Webhook,
};
use crate::store::Store;

/// `switchboard.v1.OrganizationService`.
#[derive(Clone)]
pub struct OrganizationApi {
    store: Store,
    cursors: SigningKeys,
    webhooks: Webhooks,
}

impl OrganizationApi {
    /// The service on that store, with what it signs cursors with.
    pub fn new(store: Store, cursors: SigningKeys, webhooks: Webhooks) -> Self {
        Self { store, cursors, webhooks }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OrganizationService for OrganizationApi {
    async fn list_members(&self, request: Request<ListMembersRequest>) -> Answer<ListMembersResponse> {
        members::list(&self.store, &self.cursors, request).await
    }

    async fn add_member(&self, request: Request<AddMemberRequest>) -> Answer<Member> {
        members::add(&self.store, request).await
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> Answer<Member> {
        members::update(&self.store, request).await
    }

    async fn remove_member(&self, request: Request<RemoveMemberRequest>) -> Answer<()> {
        members::remove(&self.store, request).await
    }

    async fn list_labels(&self, request: Request<ListLabelsRequest>) -> Answer<ListLabelsResponse> {
        labels::list(&self.store, &self.cursors, request).await
    }

    async fn create_label(&self, request: Request<CreateLabelRequest>) -> Answer<Label> {
        labels::create(&self.store, request).await
    }

    async fn update_label(&self, request: Request<UpdateLabelRequest>) -> Answer<Label> {
        labels::update(&self.store, request).await
    }

    async fn delete_label(&self, request: Request<DeleteLabelRequest>) -> Answer<()> {
        labels::delete(&self.store, request).await
    }

    async fn list_properties(
        &self,
        request: Request<ListPropertiesRequest>,
    ) -> Answer<ListPropertiesResponse> {
        properties::list(&self.store, &self.cursors, request).await
    }

    async fn create_property(&self, request: Request<CreatePropertyRequest>) -> Answer<Property> {
        properties::create(&self.store, request).await
    }

    async fn update_property(&self, request: Request<UpdatePropertyRequest>) -> Answer<Property> {
        properties::update(&self.store, request).await
    }

    async fn delete_property(&self, request: Request<DeletePropertyRequest>) -> Answer<()> {
        properties::delete(&self.store, request).await
    }

    async fn list_api_keys(&self, request: Request<ListApiKeysRequest>) -> Answer<ListApiKeysResponse> {
        keys::list(&self.store, &self.cursors, request).await
    }

    async fn create_api_key(&self, request: Request<CreateApiKeyRequest>) -> Answer<ApiKey> {
        keys::create(&self.store, request).await
    }

    async fn revoke_api_key(&self, request: Request<RevokeApiKeyRequest>) -> Answer<()> {
        keys::revoke(&self.store, request).await
    }

    async fn list_webhooks(&self, request: Request<ListWebhooksRequest>) -> Answer<ListWebhooksResponse> {
        webhooks::list(&self.webhooks, request).await
    }

    async fn create_webhook(&self, request: Request<CreateWebhookRequest>) -> Answer<SecretWebhook> {
        webhooks::create(&self.webhooks, request).await
    }

    async fn get_webhook(&self, request: Request<GetWebhookRequest>) -> Answer<Webhook> {
        webhooks::get(&self.webhooks, request).await
    }

    async fn update_webhook(&self, request: Request<UpdateWebhookRequest>) -> Answer<Webhook> {
        webhooks::update(&self.webhooks, request).await
    }

    async fn delete_webhook(&self, request: Request<DeleteWebhookRequest>) -> Answer<()> {
        webhooks::delete(&self.webhooks, request).await
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<RotateWebhookSecretRequest>,
    ) -> Answer<SecretWebhook> {
        webhooks::rotate(&self.webhooks, request).await
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<ListWebhookDeliveriesRequest>,
    ) -> Answer<ListWebhookDeliveriesResponse> {
        webhooks::deliveries(&self.webhooks, request).await
    }

    async fn replay_webhook_delivery(&self, request: Request<ReplayWebhookDeliveryRequest>) -> Answer<()> {
        webhooks::replay(&self.webhooks, request).await
    }

    async fn replay_webhook(&self, request: Request<ReplayWebhookRequest>) -> Answer<ReplayWebhookResponse> {
        webhooks::replay_all(&self.webhooks, request).await
    }
}

/// The sessions of those ids.
fn session_ids(ids: &[String]) -> Result<Vec<SessionId>, Error> {
    let parse = |(place, id): (usize, &String)| {
        id.parse().map_err(|expected| Error::invalid(format!("session_ids[{place}]"), expected))
    };
    ids.iter().enumerate().map(parse).collect()
}

/// Who is calling, unless it is a key limited to some sessions: what a call changes shows in every session's chats.
fn unlimited<T>(request: &Request<T>) -> Result<Arc<Caller>, Error> {
    let caller = caller(request)?;
    if caller.sessions.is_none() {
        return Ok(caller);
    }
    let message = "a key limited to some sessions cannot change what the whole organization shares";
    Err(Error::new(Kind::Forbidden, message))
}
