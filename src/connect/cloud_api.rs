//! Meta's WhatsApp Business Cloud API.
//!
//! It pushes everything in webhooks and has no history to pull, except that of a phone with the WhatsApp Business app, which it
//! pushes once (coexistence). It takes no message ids of ours; statuses repeat the outbox's id of a message.

mod account;
mod content;
mod fields;
mod graph;
mod history;
mod line;
mod map;
mod media;
mod message;
mod people;
mod receive;
mod send;
mod split;
mod status;
mod system;
mod vcard;

use std::sync::Arc;

use async_trait::async_trait;
use guarded_http::HttpClient;
use serde_json::Value;

use self::graph::Graph;
use super::budget::Budget;
use super::gateway::{
    ChatChange, Content, Gateway, GatewayError, InboundRequest, LineState, Lookup, Mapped, MediaBody,
    MediaError, MediaSource, OutgoingFile, OutgoingMessage, Pulled, Received, Refused, SendError, Sent,
};
use super::settings::ConnectionSettings;
use crate::actions::commands::Change;
use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::pb::IngestEvent;

/// A phone number of the Cloud API.
struct CloudApi {
    settings: ConnectionSettings,
    graph: Graph,
}

/// A gateway for this connection. `http` must allow the hosts of its URL and of media files.
pub fn open(settings: ConnectionSettings, http: HttpClient) -> Arc<dyn Gateway> {
    let graph = Graph::new(&settings, http);
    Arc::new(CloudApi { settings, graph })
}

#[async_trait]
impl Gateway for CloudApi {
    fn receive(&self, request: &InboundRequest) -> Result<Received, Refused> {
        receive::receive(&self.settings, request)
    }

    fn map(&self, event: &Value) -> Result<Mapped, String> {
        map::map(&self.settings, event)
    }

    async fn state(&self) -> Result<LineState, GatewayError> {
        line::state(&self.graph, &self.settings).await
    }

    async fn set_webhook(&self, url: &str) -> Result<(), GatewayError> {
        line::set_webhook(&self.graph, &self.settings, url).await
    }

    async fn pull(
        &self,
        since: Option<Instant>,
        _: Option<&Value>,
        budget: &Budget,
    ) -> Result<Pulled, GatewayError> {
        // There is nothing to pull. What the phone has comes in webhooks, once.
        if since.is_none() {
            line::request_history(&self.graph, &self.settings, budget).await?;
        }
        Ok(Pulled::default())
    }

    async fn follow_up(&self, task: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        match task {
            Lookup::Group(jid) => line::group(&self.graph, &self.settings, jid).await,
            Lookup::Lid(_) => Err(GatewayError::Unsupported("look up LIDs")),
        }
    }

    fn refusal(&self, content: &Content) -> Option<&'static str> {
        send::refusal(content)
    }

    fn new_message_id(&self, _: &Content) -> Option<String> {
        None
    }

    async fn send(&self, message: &OutgoingMessage, file: Option<OutgoingFile>) -> Result<Sent, SendError> {
        send::send(&self.graph, &self.settings, message, file).await
    }

    async fn change(&self, _: &ChatAddress, change: &ChatChange) -> Result<(), SendError> {
        match (&change.change, change.last_incoming.first()) {
            (Change::Read(_), Some(message)) => {
                Ok(send::mark_read(&self.graph, &self.settings, &message.id).await?)
            }
            (Change::Read(_), None) => Ok(()),
            (Change::Archived(_), _) => Err(unsupported("the Cloud API cannot archive chats")),
            (Change::Pinned(_), _) => Err(unsupported("the Cloud API cannot pin chats")),
            (Change::Muted(_), _) => Err(unsupported("the Cloud API cannot mute chats")),
            (Change::Unread, _) => Err(unsupported("the Cloud API cannot mark chats as unread")),
        }
    }

    async fn media(&self, source: &MediaSource, max_bytes: u64) -> Result<MediaBody, MediaError> {
        media::open(&self.graph, &self.settings, source, max_bytes).await
    }
}

fn unsupported(reason: &'static str) -> SendError {
    SendError::Unsupported { reason }
}

#[cfg(test)]
mod tests;
