//! A gateway in the test's process: scripted outcomes, and a count of what was really sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::{
    ChatChange, Content, Gateway, GatewayError, InboundRequest, LineState, Lookup, Mapped, MediaBody,
    MediaError, MediaSource, OutgoingFile, OutgoingMessage, Pulled, Received, Refused, SendError, Sent,
};
use switchboard::ids::ChatAddress;
use switchboard::instant::Instant;
use switchboard::pb::IngestEvent;
use switchboard::pb::ingest_event::ConnectionStatus;
use tokio::sync::Barrier;

/// A file of those bytes, in two pieces.
pub fn file(bytes: &'static [u8]) -> OutgoingFile {
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    let pieces = [first, rest].map(|piece| Ok(Bytes::from_static(piece)));
    OutgoingFile { size: bytes.len() as u64, bytes: stream::iter(pieces).boxed() }
}

/// What the gateway does with the next message.
#[derive(Clone, Debug)]
pub enum Script {
    /// Sends it, and answers with this id.
    Accept(&'static str),
    /// Does not send it, and says so.
    NotSent,
    /// Answers with an error that may pass.
    Fail(&'static str),
    /// Rejects it.
    Reject(&'static str),
    /// Sends it, and the answer is lost.
    LoseAnswer,
    /// Waits until as many messages are being sent as meet at the barrier, then sends it.
    Meet(Arc<Barrier>),
}

/// The gateway.
#[derive(Default)]
pub struct FakeGateway {
    /// Whether it takes ids of ours.
    pub takes_ids: bool,
    /// What it does with the next messages; it accepts the rest.
    pub script: Mutex<VecDeque<Script>>,
    /// What was sent: text or the bytes of a file, id, and when.
    pub sent: Mutex<Vec<(String, Option<String>, Clock)>>,
    /// The messages that were quoted, reacted to, edited or deleted.
    pub targets: Mutex<Vec<String>>,
    /// How many messages are being sent, and the most at a time.
    pub at_a_time: Mutex<(usize, usize)>,
    /// What the gateway says to changes of chats; `None` applies them.
    pub change: Mutex<Option<SendError>>,
    /// The chat whose changes the gateway answers with an error.
    pub failing: Mutex<Option<ChatAddress>>,
    /// The chat whose changes the gateway does not answer, and how many those were.
    pub silent: Mutex<(Option<ChatAddress>, usize)>,
    /// The changes that were applied.
    pub changed: Mutex<Vec<ChatChange>>,
}

impl FakeGateway {
    /// A gateway that follows a script.
    pub fn new(takes_ids: bool, script: impl IntoIterator<Item = Script>) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Self { takes_ids, script, ..Self::default() })
    }

    /// The texts that were sent.
    pub fn texts(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(text, ..)| text.clone()).collect()
    }

    fn record(&self, message: &OutgoingMessage, file: &[u8]) {
        let text = if let Content::Text { body, .. } = &message.content {
            body.clone()
        } else {
            String::from_utf8_lossy(file).into_owned()
        };
        let target = match &message.content {
            Content::Reaction { message, .. }
            | Content::Edit { message, .. }
            | Content::Delete { message } => Some(message),
            Content::Text { .. }
            | Content::Media { .. }
            | Content::Location { .. }
            | Content::Contacts { .. }
            | Content::Poll { .. }
            | Content::Template { .. } => message.reply_to.as_ref(),
        };
        self.targets.lock().unwrap().extend(target.map(|target| target.id.clone()));
        self.sent.lock().unwrap().push((text, message.message_id.clone(), Clock::now()));
    }

    async fn follow(&self, message: &OutgoingMessage, file: Option<OutgoingFile>) -> Result<Sent, SendError> {
        let file: Vec<Bytes> = match file {
            Some(file) => file.bytes.try_collect().await.expect("the file"),
            None => Vec::new(),
        };
        let file = file.concat();
        let next = self.script.lock().unwrap().pop_front();
        let own = message.message_id.clone().unwrap_or_else(|| format!("ID{}", self.texts().len()));
        match next.unwrap_or(Script::Accept("")) {
            Script::Accept(id) => {
                self.record(message, &file);
                Ok(Sent { message_id: if id.is_empty() { own } else { id.to_owned() } })
            }
            Script::NotSent => Err(SendError::NotSent {
                reason: "busy".to_owned(),
                retry_after: Some(Duration::from_millis(200)),
            }),
            Script::Fail(reason) => Err(SendError::Failed { reason: reason.to_owned() }),
            Script::Reject(reason) => Err(SendError::Rejected { reason: reason.to_owned() }),
            Script::LoseAnswer => {
                self.record(message, &file);
                Err(SendError::Unclear { reason: "no response".to_owned() })
            }
            Script::Meet(barrier) => {
                barrier.wait().await;
                self.record(message, &file);
                Ok(Sent { message_id: own })
            }
        }
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    fn receive(&self, _: &InboundRequest) -> Result<Received, Refused> {
        Ok(Received::Events(Vec::new()))
    }

    fn map(&self, _: &Value) -> Result<Mapped, String> {
        Ok(Mapped::default())
    }

    async fn state(&self) -> Result<LineState, GatewayError> {
        Ok(LineState { status: ConnectionStatus::Connected, reason: String::new() })
    }

    async fn set_webhook(&self, _: &str) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn pull(&self, _: Option<Instant>, _: Option<&Value>, _: &Budget) -> Result<Pulled, GatewayError> {
        Ok(Pulled::default())
    }

    async fn follow_up(&self, _: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        Ok(Vec::new())
    }

    fn refusal(&self, _: &Content) -> Option<&'static str> {
        None
    }

    fn new_message_id(&self, _: &Content) -> Option<String> {
        self.takes_ids.then(|| "3EB0FAKE".to_owned())
    }

    async fn send(&self, message: &OutgoingMessage, file: Option<OutgoingFile>) -> Result<Sent, SendError> {
        {
            let mut at_a_time = self.at_a_time.lock().unwrap();
            at_a_time.0 += 1;
            at_a_time.1 = at_a_time.1.max(at_a_time.0);
        }
        let outcome = self.follow(message, file).await;
        self.at_a_time.lock().unwrap().0 -= 1;
        outcome
    }

    async fn change(&self, chat: &ChatAddress, change: &ChatChange) -> Result<(), SendError> {
        if self.failing.lock().unwrap().as_ref() == Some(chat) {
            return Err(SendError::Failed { reason: "500 no such chat".to_owned() });
        }
        {
            let mut silent = self.silent.lock().unwrap();
            if silent.0.as_ref() == Some(chat) {
                silent.1 += 1;
                return Err(SendError::Unclear { reason: "no response".to_owned() });
            }
        }
        if let Some(error) = self.change.lock().unwrap().clone() {
            return Err(error);
        }
        self.changed.lock().unwrap().push(change.clone());
        Ok(())
    }

    async fn media(&self, _: &MediaSource, _: u64) -> Result<MediaBody, MediaError> {
        Err(MediaError::Expired)
    }
}
