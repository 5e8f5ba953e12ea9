//! What the examples of the OpenAPI document name beside the demo data: a webhook, an api-key and a media file.
//!
//! They have the ids of the examples, so that these can be sent to the demo as they are.

use bytes::Bytes;
use serde_json::Value;

use super::data::{PERSON_ID, SESSIONS};
use crate::actions::idempotency::IdempotentWrite;
use crate::actions::keys::{self, NewKey};
use crate::actions::media::{self, FileDetails, FileOfMessage};
use crate::actions::webhooks::{NewWebhook, Webhooks};
use crate::caller::{Caller, Capability};
use crate::config::Config;
use crate::connect::media::MediaStore;
use crate::cursor::SigningKeys;
use crate::error::{Error, Kind, Result};
use crate::ids::{KeyId, OrgId, WebhookId};
use crate::store::Store;

const WEBHOOK: &str = "webhook-qhzvnrdkplmtwxyc";
const KEY: &str = "t0m98g5u553i";
const MEDIA: &str = "media-qhzvnrdkplmtwxyc";
/// The media file, and the message of the second session that has it.
const PICTURE: &[u8] = include_bytes!("../../../assets/demo.jpg");
const MESSAGE: &str = "3EB0DE30000000000001";

/// Creates what is missing. What belongs to a chat that was deleted stays deleted.
pub(super) async fn create(
    store: &Store,
    caller: &Caller,
    config: &Config,
    signing_keys: SigningKeys,
) -> Result<()> {
    let webhooks = Webhooks::new(store.clone(), signing_keys, config.webhooks);
    create_webhook(&webhooks, caller).await?;
    create_key(store, caller.org).await?;
    store_picture(store, caller, config).await
}

async fn create_webhook(webhooks: &Webhooks, caller: &Caller) -> Result<()> {
    let id: WebhookId = WEBHOOK.parse().map_err(Error::internal)?;
    match webhooks.get(caller, id.clone()).await {
        Err(error) if error.kind() == Kind::NotFound => {}
        found => return found.map(drop),
    }
    let new = NewWebhook {
        id: Some(id),
        url: "https://hooks.acme.example/inbox".to_owned(),
        kinds: vec!["message.*".to_owned()],
        sessions: None,
        // There is no such host.
        enabled: false,
    };
    webhooks.create(caller, new, IdempotentWrite::unkeyed()).await.map(drop)
}

/// Creates the key, whose secret nobody gets. A revoked one stays revoked.
async fn create_key(store: &Store, org: OrgId) -> Result<()> {
    let id: KeyId = KEY.parse().map_err(Error::internal)?;
    if keys::list(store, org).await?.iter().any(|key| key.id == id) {
        return Ok(());
    }
    let capabilities = [Capability::Read, Capability::Send].into_iter().collect();
    let new = NewKey { id: Some(id), name: "CRM".to_owned(), capabilities, expires_at: None, sessions: None };
    keys::create(store, org, new).await.map(drop)
}

async fn store_picture(store: &Store, caller: &Caller, config: &Config) -> Result<()> {
    match media::find(store, caller, MEDIA).await {
        Err(error) if error.kind() == Kind::NotFound => {}
        // It has expired.
        Err(error) if error.kind() == Kind::Gone => return Ok(()),
        found => return found.map(drop),
    }
    let media_store = MediaStore::new(store, config);
    let stored = media_store.put_bytes(caller.org, Some("image/jpeg"), Bytes::from_static(PICTURE)).await?;
    let file = FileOfMessage {
        id: Some(MEDIA.parse().map_err(Error::internal)?),
        chat: PERSON_ID.parse().map_err(Error::internal)?,
        message_id: MESSAGE.to_owned(),
        from_me: false,
        author: None,
        locator: Value::Null,
        details: FileDetails::default(),
        stored: Some(stored),
    };
    let session = SESSIONS[1].session_id.parse().map_err(Error::internal)?;
    media::enqueue(store, caller.org, session, vec![file]).await
}
