//! `switchboard.v1.ApiKeyService`.

use tonic::{Request, Response};

use super::etag::precondition;
use super::guard::caller;
use super::idempotency::idempotent;
use super::parse::{parse, parse_each, unix_millis};
use super::state::{Api, RpcResult};
use crate::actions::keys::{self, CreatedKey, KeyRow, NewKey, Revocation};
use crate::caller::capability_from_name;
use crate::error::Result;
use crate::instant::Instant;
use crate::pb::api_key_service_server::ApiKeyService;
use crate::pb::{ApiKey, CreateApiKeyRequest, ListApiKeysRequest, ListApiKeysResponse, RevokeApiKeyRequest};

#[tonic::async_trait]
impl ApiKeyService for Api {
    async fn list_api_keys(&self, request: Request<ListApiKeysRequest>) -> RpcResult<ListApiKeysResponse> {
        let caller = caller(&request)?;
        let ListApiKeysRequest { limit, cursor } = request.into_inner();
        let page = keys::page(&self.store, &self.signing_keys, &caller, limit, &cursor).await?;
        let data = page.items.into_iter().map(api_key).collect();
        Ok(Response::new(ListApiKeysResponse { data, next_cursor: page.next }))
    }

    async fn create_api_key(&self, request: Request<CreateApiKeyRequest>) -> RpcResult<ApiKey> {
        let caller = caller(&request)?;
        let write = idempotent(&request, Response::new, created_api_key)?;
        let new = new_key(request.into_inner())?;
        Ok(keys::grant(&self.store, &caller, new, write).await?)
    }

    async fn revoke_api_key(&self, request: Request<RevokeApiKeyRequest>) -> RpcResult<()> {
        let caller = caller(&request)?;
        let precondition = precondition(request.metadata(), api_key);
        let write = idempotent(&request, Response::new, |_| ())?;
        let RevokeApiKeyRequest { key_id, revoke_created } = request.into_inner();
        let allowed = caller.sessions.clone();
        let revocation = Revocation { id: parse("key_id", &key_id)?, with_created: revoke_created, allowed };
        Ok(keys::revoke(&self.store, caller.org, revocation, precondition, write).await?)
    }
}

fn new_key(request: CreateApiKeyRequest) -> Result<NewKey> {
    let sessions = parse_each("session_ids", &request.session_ids, parse)?;
    Ok(NewKey {
        id: None,
        name: request.name,
        capabilities: request.capabilities.iter().filter_map(|name| capability_from_name(name)).collect(),
        expires_at: request.expires_at.map(|millis| unix_millis("expires_at", millis)).transpose()?,
        sessions: Some(sessions).filter(|sessions| !sessions.is_empty()),
    })
}

/// The only message that contains the key itself.
fn created_api_key(key: CreatedKey) -> ApiKey {
    ApiKey { key: Some(key.token.expose().to_owned()), ..api_key(key.row) }
}

fn api_key(row: KeyRow) -> ApiKey {
    ApiKey {
        id: row.id.to_string(),
        name: row.name,
        capabilities: row.capabilities,
        session_ids: row.sessions.iter().flatten().map(ToString::to_string).collect(),
        expires_at: row.expires_at.map(Instant::millis),
        revoked_at: row.revoked_at.map(Instant::millis),
        created_at: row.created_at.millis(),
        key: None,
        created_by: row.created_by,
    }
}
