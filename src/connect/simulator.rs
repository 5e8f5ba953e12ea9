//! A gateway inside the service: it answers like a person, with receipts. For trying the service, and for tests.
//!
//! What is sent is ticked as delivered, then as read, and answered some seconds later; now and then a person writes by
//! itself. Its events pass the same way as those of other gateways, through [`Gateway::poll`] and [`Gateway::map`].

mod happening;
mod people;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant as Clock;

use self::happening::{Happening, events, raw_event};
use super::budget::Budget;
use super::gateway::{
    ChatChange, Content, Gateway, GatewayError, Groups, InboundRequest, LineState, Lookup, Mapped, MediaBody,
    MediaError, MediaSource, OutgoingFile, OutgoingMessage, Pulled, RawEvent, Received, Refused, SendError,
    Sent,
};
use super::settings::ConnectionSettings;
use crate::actions::sends::new_message_id;
use crate::ids::{AddressKind, ChatAddress, Phone};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::ConnectionStatus;

/// When what follows a message happens, after it was sent.
const DELIVERED: Duration = Duration::from_millis(800);
const READ: Duration = Duration::from_millis(1800);
const ANSWERED: Duration = Duration::from_millis(4000);
/// How often a person writes by itself.
const UNPROMPTED: Duration = Duration::from_secs(45);
/// Chats that the persons who write by themselves are chosen from.
const MAX_CHATS: usize = 20;

/// A simulated WhatsApp line.
struct Simulator {
    phone: Phone,
    /// How many times faster than a person it is.
    speed: f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What happens next, in order of time.
    planned: Vec<(Clock, Happening)>,
    /// The chats that were written to, newest last.
    chats: VecDeque<ChatAddress>,
    /// When a person writes by itself next.
    unprompted_at: Option<Clock>,
    written: usize,
}

/// Opens a simulated line. The settings' `account` is how many times faster than a person it is: `20`; empty for 1.
pub fn open(settings: &ConnectionSettings) -> Arc<dyn Gateway> {
    let speed = settings.account.parse().ok().filter(|speed: &f64| (0.01..=10_000.0).contains(speed));
    Arc::new(Simulator {
        phone: settings.phone.clone(),
        speed: speed.unwrap_or(1.0),
        state: Mutex::default(),
    })
}

impl Simulator {
    fn after(&self, pause: Duration) -> (Clock, i64) {
        let pause = pause.div_f64(self.speed);
        (Clock::now() + pause, Instant::now().later_by(pause).millis())
    }

    /// Plans the receipts of a message, and an answer.
    fn plan(&self, message: &OutgoingMessage, id: &str) {
        let chat = message.chat.as_str();
        let (sender, name) = people::writer(&message.chat);
        let mut planned = Vec::new();
        for (pause, kind) in [(DELIVERED, "delivered"), (READ, "read")] {
            let ((due, at), by) = (self.after(pause), sender.clone());
            let (chat, id, kind) = (chat.to_owned(), id.to_owned(), kind.to_owned());
            planned.push((due, Happening::Receipt { chat, id, by, kind, at }));
        }
        let (due, at) = self.after(ANSWERED);
        if let Some(text) = people::answer(&message.content) {
            let quotes = (message.chat.kind() == AddressKind::Group).then(|| id.to_owned());
            let (chat, id) = (chat.to_owned(), new_message_id());
            planned.push((due, Happening::Message { chat, id, sender, name, text, quotes, at }));
        } else if let Content::Media { .. } | Content::Location { .. } = message.content {
            let (chat, id, emoji) = (chat.to_owned(), id.to_owned(), "👍".to_owned());
            planned.push((due, Happening::Reaction { chat, id, by: sender, emoji, at }));
        }
        let mut state = self.state();
        state.chats.retain(|known| *known != message.chat);
        state.chats.push_back(message.chat.clone());
        if state.chats.len() > MAX_CHATS {
            state.chats.pop_front();
        }
        state.planned.extend(planned);
        state.planned.sort_by_key(|(due, _)| *due);
    }

    /// Something that a person writes by itself, once some time has passed.
    fn unprompted(&self, state: &mut State) -> Option<Happening> {
        let next = self.after(UNPROMPTED).0;
        let due = *state.unprompted_at.get_or_insert(next);
        if due > Clock::now() {
            return None;
        }
        state.unprompted_at = Some(next);
        state.written += 1;
        let known = state.chats.get(state.written % state.chats.len().max(1)).cloned();
        let chat = known.or_else(|| people::stranger(state.written))?;
        let ((sender, name), at) = (people::writer(&chat), Instant::now().millis());
        let (text, id) = (people::unprompted(state.written), new_message_id());
        Some(Happening::Message { chat: chat.to_string(), id, sender, name, text, quotes: None, at })
    }

    /// What has happened since the last call.
    fn happened(&self) -> Vec<Happening> {
        let mut state = self.state();
        let mut happened: Vec<Happening> = self.unprompted(&mut state).into_iter().collect();
        let due = state.planned.partition_point(|(due, _)| *due <= Clock::now());
        happened.extend(state.planned.drain(..due).map(|(_, happening)| happening));
        happened
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Gateway for Simulator {
    fn receive(&self, _: &InboundRequest) -> Result<Received, Refused> {
        Err(Refused { status: http::StatusCode::UNAUTHORIZED, reason: "a simulator has no webhooks" })
    }

    fn map(&self, event: &Value) -> Result<Mapped, String> {
        let happening = serde_json::from_value(event.clone()).map_err(|error| error.to_string())?;
        let events = events(happening, &self.phone).into_iter();
        let events = events.map(|event| IngestEvent { event: Some(event), ..IngestEvent::default() });
        Ok(Mapped { events: events.collect(), ..Mapped::default() })
    }

    async fn state(&self) -> Result<LineState, GatewayError> {
        Ok(LineState { status: ConnectionStatus::Connected, reason: String::new() })
    }

    async fn set_webhook(&self, _: &str) -> Result<(), GatewayError> {
        Err(GatewayError::Unsupported("send webhooks"))
    }

    async fn pull(&self, _: Option<Instant>, _: Option<&Value>, _: &Budget) -> Result<Pulled, GatewayError> {
        Ok(Pulled::default())
    }

    async fn follow_up(&self, _: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        Ok(Vec::new())
    }

    async fn poll(&self, groups: &dyn Groups) -> Vec<RawEvent> {
        let mut events = Vec::new();
        for mut happening in self.happened() {
            happening.choose_actor(&self.phone, groups).await;
            events.extend(raw_event(happening));
        }
        events
    }

    fn refusal(&self, content: &Content) -> Option<&'static str> {
        matches!(content, Content::Template { .. }).then_some("only the Cloud API has templates")
    }

    fn new_message_id(&self, _: &Content) -> Option<String> {
        Some(new_message_id())
    }

    async fn send(&self, message: &OutgoingMessage, _: Option<OutgoingFile>) -> Result<Sent, SendError> {
        let message_id = message.message_id.clone().unwrap_or_else(new_message_id);
        if !matches!(
            message.content,
            Content::Reaction { .. } | Content::Edit { .. } | Content::Delete { .. }
        ) {
            self.plan(message, &message_id);
        }
        Ok(Sent { message_id })
    }

    async fn change(&self, _: &ChatAddress, _: &ChatChange) -> Result<(), SendError> {
        Ok(())
    }

    async fn media(&self, _: &MediaSource, _: u64) -> Result<MediaBody, MediaError> {
        Err(MediaError::Expired)
    }
}

#[cfg(test)]
mod tests;
