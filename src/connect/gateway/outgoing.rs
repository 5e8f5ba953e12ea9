//! What is sent through a gateway: messages, and changes of chats.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::Value;
use uuid::Uuid;

use crate::actions::commands::Change;
use crate::error::Result;
use crate::ids::ChatAddress;

/// A message to send.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingMessage {
    /// The outbox's id: sent along where the gateway returns it with its statuses.
    pub send: Uuid,
    /// The id under which to send it: that of the gateway.
    pub message_id: Option<String>,
    /// The chat.
    pub chat: ChatAddress,
    /// The message that it quotes.
    pub reply_to: Option<QuotedMessage>,
    /// The content.
    pub content: Content,
}

/// The file of a message. Its bytes are read while they are sent.
pub struct OutgoingFile {
    /// Their number.
    pub size: u64,
    /// The bytes, in pieces.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

/// A message that another one quotes, reacts to, edits or deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedMessage {
    /// WhatsApp's id of the message.
    pub id: String,
    /// Whether the session sent it.
    pub from_me: bool,
    /// Who sent it, in a group.
    pub author: Option<String>,
}

/// What a message says, or does to another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        body: String,
        /// Whether links have a preview.
        link_preview: bool,
        /// Contacts mentioned in the text.
        mentions: Vec<String>,
    },
    /// An image, a video, a document, a voice note or other audio.
    Media {
        /// How it is shown.
        kind: MediaKind,
        /// MIME type.
        mime_type: String,
        /// Name of the file.
        file_name: Option<String>,
        /// Text below it.
        caption: Option<String>,
    },
    /// A place.
    Location {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// Name of the place.
        name: Option<String>,
        /// Address of the place.
        address: Option<String>,
    },
    /// Persons' visiting cards, each a vCard.
    Contacts {
        /// vCards.
        vcards: Vec<String>,
    },
    /// A poll.
    Poll {
        /// The question.
        question: String,
        /// The answers.
        options: Vec<String>,
        /// Whether several answers may be chosen.
        multiple: bool,
    },
    /// A template that Meta has approved.
    Template {
        /// Its name.
        name: String,
        /// Its language, such as `en_US`.
        language: String,
        /// Its components with their parameters, in the form of Meta's API.
        components: Value,
    },
    /// A reaction to a message; an empty emoji removes it.
    Reaction {
        /// The message.
        message: QuotedMessage,
        /// The emoji.
        emoji: String,
    },
    /// Another text for a message.
    Edit {
        /// The message.
        message: QuotedMessage,
        /// The new text.
        body: String,
    },
    /// A message is deleted for everyone.
    Delete {
        /// The message.
        message: QuotedMessage,
    },
}

/// How a media file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// Audio.
    Audio,
    /// Audio recorded in the chat.
    Voice,
    /// Any file.
    Document,
    /// A sticker.
    Sticker,
}

/// A change of a chat, with the newest messages, which some gateways ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatChange {
    /// The change.
    pub change: Change,
    /// The newest incoming messages up to the read mark, newest first, at most 20.
    pub last_incoming: Vec<QuotedMessage>,
}

/// The gateway has accepted a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// WhatsApp's id of the message; empty when the gateway reports it later with `FollowUp::Accepted`.
    pub message_id: String,
}

/// Why a message or a change was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It was certainly not sent, and may be tried again, after that time if given.
    NotSent {
        /// Why.
        reason: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The gateway answered with an error that may pass. Trying again is harmless, but should end.
    Failed {
        /// Why.
        reason: String,
    },
    /// The gateway or WhatsApp rejects it for good.
    Rejected {
        /// The code and the text of the gateway, such as `131047 …`.
        reason: String,
    },
    /// It may have been sent: it must not be sent again unless `Gateway::can_repeat` says so.
    Unclear {
        /// Why.
        reason: String,
    },
    /// The gateway has nothing like it.
    Unsupported {
        /// What it cannot do.
        reason: &'static str,
    },
}

impl SendError {
    /// The error when the content needs a file and there is none.
    pub(in crate::connect) fn no_file() -> Self {
        Self::Rejected { reason: "the message has no file".to_owned() }
    }
}
