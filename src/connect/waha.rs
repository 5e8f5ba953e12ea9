//! WAHA, a server that speaks WhatsApp Web, with four engines: WEBJS, WPP, NOWEB and GOWS.

mod client;
mod content;
mod context;
mod cursor;
mod details;
mod engines;
mod event;
mod fields;
mod files;
mod group;
mod history;
mod lists;
mod lookup;
mod media;
mod message;
mod message_id;
mod protobuf;
mod pull;
mod receive;
mod send;
mod session;
mod state;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use guarded_http::HttpClient;
use serde_json::Value;
use tokio::sync::OnceCell;

use self::client::{Client, Failure};
use super::budget::Budget;
use super::gateway::{
    ChatChange, Content, Gateway, GatewayError, InboundRequest, LineState, Lookup, Mapped, MediaBody,
    MediaError, MediaSource, OutgoingFile, OutgoingMessage, Pulled, Received, Refused, SendError, Sent,
};
use super::settings::ConnectionSettings;
use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::pb::IngestEvent;

/// How often the engine is asked for before an unclear send counts as one that cannot be repeated, and how far apart.
const ENGINE_ATTEMPTS: usize = 5;
const ENGINE_PAUSE: Duration = Duration::from_secs(2);

/// A session of a WAHA server.
pub fn open(settings: ConnectionSettings, http: HttpClient) -> Arc<dyn Gateway> {
    Arc::new(Waha { client: Client::new(settings, http), keeps_ids: OnceCell::new() })
}

struct Waha {
    client: Client,
    /// Whether the engine sends under ids of ours.
    keeps_ids: OnceCell<bool>,
}

#[async_trait]
impl Gateway for Waha {
    fn receive(&self, request: &InboundRequest) -> Result<Received, Refused> {
        receive::receive(&self.client.settings, request)
    }

    fn map(&self, event: &Value) -> Result<Mapped, String> {
        event::map(&self.client.settings, event)
    }

    async fn state(&self) -> Result<LineState, GatewayError> {
        let session = self.client.session().await.map_err(Failure::into_gateway_error)?;
        self.client.state(&session)
    }

    async fn set_webhook(&self, url: &str) -> Result<(), GatewayError> {
        self.client.set_webhook(url).await
    }

    async fn pull(
        &self,
        since: Option<Instant>,
        cursor: Option<&Value>,
        budget: &Budget,
    ) -> Result<Pulled, GatewayError> {
        self.client.pull(since, cursor, budget).await
    }

    async fn follow_up(&self, task: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        self.client.look_up(task).await
    }

    fn refusal(&self, content: &Content) -> Option<&'static str> {
        send::refusal(content)
    }

    fn new_message_id(&self, content: &Content) -> Option<String> {
        send::takes_id(content).then(send::new_id)
    }

    async fn can_repeat(&self, content: &Content) -> bool {
        if !send::takes_id(content) {
            return false;
        }
        for attempt in 0..ENGINE_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(ENGINE_PAUSE).await;
            }
            if let Ok(keeps_ids) = self.keeps_ids.get_or_try_init(|| self.client.keeps_ids()).await {
                return *keeps_ids;
            }
        }
        false
    }

    async fn send(&self, message: &OutgoingMessage, file: Option<OutgoingFile>) -> Result<Sent, SendError> {
        self.client.send_message(message, file).await
    }

    async fn change(&self, chat: &ChatAddress, change: &ChatChange) -> Result<(), SendError> {
        self.client.change(chat, change).await
    }

    async fn media(&self, source: &MediaSource, max_bytes: u64) -> Result<MediaBody, MediaError> {
        self.client.media(source, max_bytes).await
    }
}

#[cfg(test)]
mod tests;
