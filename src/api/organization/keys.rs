//! The organization's api-keys.

use tonic::{Request, Response};

use super::{Answer, session_ids};
use crate::actions::keys::{self, CreatedKey, KeyInfo, NewKey};
use crate::api::etag::condition;
use crate::api::guard::caller;
use crate::api::idempotency::once;
use crate::caller::{Capabilities, Capability, capability_from_name, capability_name};
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::KeyId;
use crate::instant::Instant;
use crate::pb::{ApiKey, CreateApiKeyRequest, ListApiKeysRequest, ListApiKeysResponse, RevokeApiKeyRequest};
use crate::store::Store;

pub(super) async fn list(
    store: &Store,
    cursors: &SigningKeys,
    request: Request<ListApiKeysRequest>,
) -> Answer<ListApiKeysResponse> {
    let caller = caller(&request)?;
    let ListApiKeysRequest { limit, cursor } = request.into_inner();
    let page = keys::page(store, cursors, &caller, limit, &cursor).await?;
    let data = page.items.into_iter().map(api_key).collect();
    Ok(Response::new(ListApiKeysResponse { data, next_cursor: page.next }))
}

pub(super) async fn create(store: &Store, request: Request<CreateApiKeyRequest>) -> Answer<ApiKey> {
    let caller = caller(&request)?;
    let once = once(&request, Response::new, created)?;
    Ok(keys::grant(store, &caller, new_key(request.into_inner())?, once).await?)
}

pub(super) async fn revoke(store: &Store, request: Request<RevokeApiKeyRequest>) -> Answer<()> {
    let caller = caller(&request)?;
    let precondition = condition(request.metadata(), api_key);
    let once = once(&request, Response::new, |()| ())?;
    let id: Result<KeyId, _> = request.get_ref().key_id.parse();
    let id = id.map_err(|expected| Error::invalid("key_id", expected))?;
    Ok(keys::revoke(store, caller.org, id, caller.sessions.clone(), precondition, once).await?)
}

fn new_key(request: CreateApiKeyRequest) -> Result<NewKey> {
    let capabilities = request.capabilities.iter().enumerate();
    let capabilities: Capabilities = capabilities.map(capability).collect::<Result<_>>()?;
    let sessions = session_ids(&request.session_ids)?;
    Ok(NewKey {
        name: request.name,
        capabilities,
        expires_at: request.expires_at.map(expiry).transpose()?,
        sessions: Some(sessions).filter(|sessions| !sessions.is_empty()),
    })
}

fn capability((place, name): (usize, &String)) -> Result<Capability> {
    let expected = "must be read, send, ingest or manage";
    capability_from_name(name).ok_or_else(|| Error::invalid(format!("capabilities[{place}]"), expected))
}

fn expiry(millis: i64) -> Result<Instant> {
    Instant::from_millis(millis).ok_or_else(|| Error::invalid("expires_at", Instant::MILLIS))
}

/// The answer that alone holds the key itself.
fn created(key: CreatedKey) -> ApiKey {
    ApiKey { key: Some(key.token.expose().to_owned()), ..api_key(key.info) }
}

/// What may be seen of a key at any time.
fn api_key(info: KeyInfo) -> ApiKey {
    ApiKey {
        id: info.id.to_string(),
        name: info.name,
        capabilities: info.capabilities.iter().map(|can| capability_name(can).to_owned()).collect(),
        session_ids: info.sessions.iter().flatten().map(ToString::to_string).collect(),
        expires_at: info.expires_at.map(Instant::millis),
        revoked_at: info.revoked_at.map(Instant::millis),
        created_at: info.created_at.millis(),
        key: None,
    }
}
