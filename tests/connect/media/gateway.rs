//! A gateway that has only media files.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::{
    ChatChange, Content, Gateway, GatewayError, InboundRequest, LineState, Lookup, Mapped, MediaBody,
    MediaError, MediaSource, OutgoingFile, OutgoingMessage, Pulled, Received, Refused, SendError, Sent,
};
use switchboard::ids::ChatAddress;
use switchboard::instant::Instant;
use switchboard::pb::IngestEvent;

/// What the gateway does with a request for a file.
#[derive(Clone)]
pub enum Reply {
    /// Sends these bytes.
    Bytes(Bytes),
    /// Sends that many bytes in pieces.
    Stream(u64),
    /// Fails.
    Fails(MediaError),
    /// Sends nothing for that time.
    Pauses(Duration),
}

/// The gateway: replies by message id, each used once except the last one.
#[derive(Default)]
pub struct FileGateway {
    replies: Mutex<BTreeMap<String, Vec<Reply>>>,
    asked: Mutex<Vec<MediaSource>>,
}

impl FileGateway {
    /// Adds a reply to requests for the file of a message.
    pub fn reply(&self, message: &str, reply: Reply) {
        self.replies.lock().unwrap().entry(message.to_owned()).or_default().push(reply);
    }

    /// The requests for the file of a message so far.
    pub fn asked(&self, message: &str) -> Vec<MediaSource> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|source| source.message_id == message).cloned().collect()
    }

    fn next(&self, message: &str) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        let replies = replies.get_mut(message).unwrap_or_else(|| panic!("no file of {message}"));
        if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() }
    }
}

#[async_trait]
impl Gateway for FileGateway {
    fn receive(&self, _: &InboundRequest) -> Result<Received, Refused> {
        unreachable!("no webhooks")
    }

    fn map(&self, _: &Value) -> Result<Mapped, String> {
        unreachable!("no events")
    }

    async fn state(&self) -> Result<LineState, GatewayError> {
        Err(GatewayError::Unauthorized)
    }

    async fn set_webhook(&self, _: &str) -> Result<(), GatewayError> {
        Ok(())
    }

    async fn pull(&self, _: Option<Instant>, _: Option<&Value>, _: &Budget) -> Result<Pulled, GatewayError> {
        Err(GatewayError::Unauthorized)
    }

    async fn follow_up(&self, _: &Lookup) -> Result<Vec<IngestEvent>, GatewayError> {
        Ok(Vec::new())
    }

    fn refusal(&self, _: &Content) -> Option<&'static str> {
        None
    }

    fn new_message_id(&self, _: &Content) -> Option<String> {
        None
    }

    async fn send(&self, _: &OutgoingMessage, _: Option<OutgoingFile>) -> Result<Sent, SendError> {
        unreachable!("nothing is sent")
    }

    async fn change(&self, _: &ChatAddress, _: &ChatChange) -> Result<(), SendError> {
        unreachable!("nothing is changed")
    }

    async fn media(&self, source: &MediaSource, max_bytes: u64) -> Result<MediaBody, MediaError> {
        self.asked.lock().unwrap().push(source.clone());
        let reply = self.next(&source.message_id);
        let body = match reply {
            Reply::Fails(error) => return Err(error),
            Reply::Pauses(time) => {
                tokio::time::sleep(time).await;
                return Err(MediaError::Unavailable("it paused".to_owned()));
            }
            Reply::Bytes(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Reply::Stream(size) => {
                assert!(max_bytes > 0);
                let pieces = (0..size).step_by(64 * 1024);
                let piece = move |start: u64| {
                    let length = usize::try_from((size - start).min(64 * 1024)).unwrap();
                    Ok(Bytes::from(vec![u8::try_from(start / (64 * 1024) % 251).unwrap(); length]))
                };
                stream::iter(pieces.map(piece)).boxed()
            }
        };
        Ok(MediaBody { mime_type: None, size: None, body })
    }
}
