//! What a kind of gateway implements.

mod media;
mod outgoing;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use super::budget::Budget;
use crate::ids::ChatAddress;
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{ConnectionStatus, Receipt};

pub use self::media::{MediaBody, MediaError, MediaSource};
pub use self::outgoing::{
    ChatChange, Content, MediaKind, OutgoingFile, OutgoingMessage, QuotedMessage, SendError, Sent,
};

/// One connection as its worker and its inbound endpoint use it. An implementation keeps no state that must survive a restart.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Checks a request to the inbound endpoint, and splits it into raw events without secrets.
    ///
    /// # Errors
    ///
    /// The request is not authentic or cannot be read; nothing of it is stored.
    fn receive(&self, request: &InboundRequest) -> Result<Received, Refused>;

    /// Maps a raw event. Pure: the same event has the same result at any time. No events and no follow-ups mean that the event
    /// is ignored.
    ///
    /// # Errors
    ///
    /// What is wrong with the event. It is kept as failed, and can be mapped again.
    fn map(&self, event: &Value) -> Result<Mapped, String>;

    /// Asks the gateway for the state of its line.
    async fn state(&self) -> Result<LineState, GatewayError>;

    /// Makes the gateway send its webhooks to this URL.
    async fn set_webhook(&self, url: &str) -> Result<(), GatewayError>;

    /// Reads the next page of what happened since then, or of the whole history, within the budget. `cursor` is that of the
    /// previous page.
    async fn pull(
        &self,
        since: Option<Instant>,
        cursor: Option<&Value>,
        budget: &Budget,
    ) -> Result<Pulled, GatewayError>;

    /// Does what an event requires beyond being stored: reads the members of a group, or the phone number of a LID.
    async fn follow_up(&self, task: &Lookup) -> Result<Vec<IngestEvent>, GatewayError>;

    /// Raw events that the gateway does not push. Called about once a second.
    async fn poll(&self, _: &dyn Groups) -> Vec<RawEvent> {
        Vec::new()
    }

    /// Why the gateway cannot send this content, or `None` if it can. Such a message is rejected before it is stored.
    fn refusal(&self, content: &Content) -> Option<&'static str>;

    /// A new message id, if the gateway takes one for this content. Some lines ignore it: [`Sent`] has the id that counts.
    fn new_message_id(&self, content: &Content) -> Option<String>;

    /// Whether a message with an id of ours that may have been sent can be sent again: WhatsApp then drops the second one.
    /// Asked before every repetition, also after a restart.
    async fn can_repeat(&self, content: &Content) -> bool {
        self.new_message_id(content).is_some()
    }

    /// Sends a message; `file` is that of a [`Content::Media`].
    async fn send(&self, message: &OutgoingMessage, file: Option<OutgoingFile>) -> Result<Sent, SendError>;

    /// Applies a change of a chat to WhatsApp.
    async fn change(&self, chat: &ChatAddress, change: &ChatChange) -> Result<(), SendError>;

    /// Opens a media file, of which at most `max_bytes` will be read.
    async fn media(&self, source: &MediaSource, max_bytes: u64) -> Result<MediaBody, MediaError>;
}

/// The groups of a session, as they are stored.
#[async_trait]
pub trait Groups: Send + Sync {
    /// The contact ids of a group's first members; empty when they are not known.
    async fn members(&self, group: &ChatAddress) -> Vec<String>;
}

/// A request to the inbound endpoint. Its method is GET when `body` is `None`.
#[derive(Clone, Debug)]
pub struct InboundRequest {
    /// The query string, undecoded.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes of the body as received.
    pub body: Option<Bytes>,
    /// When it arrived.
    pub at: Instant,
}

/// An authentic request.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// Raw events to store.
    Events(Vec<RawEvent>),
    /// The body of the response to a verification request.
    Challenge(String),
}

/// Why a request to the inbound endpoint is rejected. The reason is logged, never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// 400 or 401.
    pub status: StatusCode,
    /// The reason, without anything that the request contains.
    pub reason: &'static str,
}

/// An event as the gateway sent it, without secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEvent {
    /// The gateway's own id of the event, or a hash of its bytes: an event with a known key is not stored again.
    pub key: String,
    /// The event.
    pub body: Value,
    /// The chat whose events are mapped in order of arrival; empty when it concerns none.
    pub chat: String,
    /// The account of another connection to which the event belongs, of the same organization, kind and webhook secret: all
    /// numbers of an app of the Cloud API share one webhook. `None` when it is for this connection.
    pub account: Option<String>,
    /// The business account that it concerns as a whole. It belongs to all connections of that account, of the same
    /// organization, kind and webhook secret, or to this one if there are none.
    pub business_account: Option<String>,
    /// Files that the event contained. Each is put into the media store before the event is stored, which then has a
    /// [`StoredBytes`](crate::actions::media::StoredBytes) in its place; `null` for one that is too large.
    pub files: Vec<EmbeddedFile>,
}

/// A file in a raw event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedFile {
    /// Where it was in the event, a JSON pointer.
    pub place: String,
    /// The MIME type that the event declares.
    pub mime_type: Option<String>,
    /// The bytes.
    pub bytes: Bytes,
}

/// What a raw event becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// To store, in this order. `session` and `sequence` are filled in by the worker.
    pub events: Vec<IngestEvent>,
    /// What else to do, after the events are stored.
    pub follow_ups: Vec<FollowUp>,
    /// Why the event is ignored; empty when it is not.
    pub ignored: &'static str,
}

/// What an event requires beyond being stored.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowUp {
    /// Ask the gateway.
    Lookup(Lookup),
    /// Fetch and keep a media file.
    Media(MediaSource),
    /// Pull what was missed since the connection was last complete.
    Sync,
    /// A message of the outbox has the gateway's id, which its response did not contain.
    Accepted {
        /// The outbox's id of the message.
        send: Uuid,
        /// WhatsApp's id of the message.
        message_id: String,
    },
    /// A receipt of a message of the outbox.
    Receipt {
        /// The outbox's id of the message.
        send: Uuid,
        /// The receipt, which does not name the chat.
        receipt: Receipt,
    },
    /// The line is in this state.
    State(LineState),
}

/// A question to the gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// Name, settings and members of a group.
    Group(String),
    /// The phone number of a LID.
    Lid(String),
}

/// State of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineState {
    /// The state.
    pub status: ConnectionStatus,
    /// What a person should do about it, such as scanning a QR code; empty when nothing.
    pub reason: String,
}

/// A page of history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulled {
    /// What it becomes. The events of a chat precede its messages: its read mark decides which of them are unread.
    pub mapped: Mapped,
    /// Where the next page begins; `None` after the last one.
    pub cursor: Option<Value>,
    /// Chats that are complete, and all of them.
    pub chats: (u64, u64),
    /// Chats of the page that the gateway cannot read, and that are left out.
    pub unreadable_chats: u64,
}

/// Why the gateway did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayError {
    /// The gateway rejects the credentials.
    Unauthorized,
    /// The gateway has no such line, group or contact.
    NotFound(String),
    /// The host is not on the operator's list, or at an address that is never allowed.
    NotAllowed,
    /// It may succeed later, after that time if given.
    Unavailable {
        /// Why.
        reason: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The gateway cannot do it.
    Unsupported(&'static str),
    /// The response is not what the gateway documents.
    Unexpected(String),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => {
                f.write_str("the gateway rejects the credentials: set a valid API key or access token")
            }
            Self::NotFound(what) => write!(f, "the gateway has no {what}"),
            Self::NotAllowed => f.write_str("the host is not on the list of allowed connection hosts"),
            Self::Unavailable { reason, .. } | Self::Unexpected(reason) => f.write_str(reason),
            Self::Unsupported(what) => write!(f, "the gateway cannot {what}"),
        }
    }
}
