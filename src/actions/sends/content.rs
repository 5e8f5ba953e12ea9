//! What is sent: the content of a send as it is stored, and the message that it is in the chat.

use bytes::Bytes;
use prost_types::value::Kind as ValueKind;
use prost_types::{ListValue, Value as ProtoValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::ingest::stored_json;
use crate::actions::media::StoredBytes;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, Phone, SessionId};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{Event, Message};
use crate::pb::json_value::JsonValue;
use crate::store::sends::SendRow;
use crate::store::sent_messages::FoundMessage;

/// A new message id of the form that WhatsApp's clients use: `3EB0` and 18 hexadecimal digits.
pub fn new_message_id() -> String {
    let digits = rand::random::<[u8; 9]>();
    digits.iter().fold("3EB0".to_owned(), |id, byte| id + &format!("{byte:02X}"))
}

/// What a request is to send; a quoted message is not looked up yet.
#[derive(Clone, Debug)]
pub struct NewContent {
    /// The content.
    pub content: SendContent,
    /// The message to quote.
    pub reply_to: Option<String>,
}

/// What a send sends, and the message that it quotes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The content.
    #[serde(flatten)]
    pub content: SendContent,
    /// The message that it quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Target>,
}

impl Outgoing {
    /// What that send sends.
    pub(super) fn of(row: &SendRow) -> Result<Self> {
        serde_json::from_value(row.content.clone()).map_err(Error::internal)
    }
}

/// What a message says, or does to another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(missing_docs)] // fields of `connect::gateway::Content`, documented there
pub enum SendContent {
    /// Text.
    Text { body: String, link_preview: bool, mentions: Vec<String> },
    /// A file.
    Media {
        kind: String,
        mime_type: String,
        file_name: Option<String>,
        caption: Option<String>,
        file: FileSource,
    },
    /// A place.
    Location { latitude: f64, longitude: f64, name: Option<String>, address: Option<String> },
    /// vCards.
    Contacts { vcards: Vec<String> },
    /// A poll.
    Poll { question: String, options: Vec<String>, multiple: bool },
    /// A template that Meta has approved.
    Template { name: String, language: String, components: Value },
    /// A reaction; an empty emoji removes it.
    Reaction { message: Target, emoji: String },
    /// Another text for a message.
    Edit { message: Target, body: String },
    /// A message is deleted for everyone.
    Delete { message: Target },
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSource {
    /// A public URL, from which it is fetched when it is sent.
    Url(String),
    /// The media store.
    Stored(StoredBytes),
    /// The request: it must be in the media store before its send is stored.
    #[serde(skip)]
    Bytes(Bytes),
}

/// A stored message that a send quotes or is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// WhatsApp's id of the message.
    pub id: String,
    /// Whether the session sent it.
    pub from_me: bool,
    /// Who sent it, in a group.
    pub author: Option<String>,
}

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Reacts with this emoji; an empty one removes the reaction.
    React(String),
    /// Replaces the text.
    Edit(String),
    /// Deletes it for everyone.
    Delete,
}

/// The message as its chat shows it at once.
pub(super) struct NewMessage<'a> {
    pub(super) session: SessionId,
    pub(super) phone: &'a Phone,
    pub(super) chat: &'a ChatAddress,
    pub(super) id: &'a str,
    pub(super) at: Instant,
    pub(super) performed_by: String,
}

impl Act {
    pub(super) fn content(&self, found: &FoundMessage) -> Result<SendContent> {
        let message = Target::from(found);
        let own = || match found.message.from_me {
            true => Ok(()),
            false => Err(Error::invalid("message_id", "must be a message that the number sent")),
        };
        Ok(match self {
            Self::React(emoji) => SendContent::Reaction { message, emoji: emoji.clone() },
            Self::Edit(body) => {
                own()?;
                SendContent::Edit { message, body: body.clone() }
            }
            Self::Delete => {
                own()?;
                SendContent::Delete { message }
            }
        })
    }
}

impl SendContent {
    /// A template with its components in the form of Meta's API.
    ///
    /// # Errors
    ///
    /// The components cannot be stored.
    pub fn template(name: String, language: String, components: ListValue) -> Result<Self> {
        let components = ProtoValue { kind: Some(ValueKind::ListValue(components)) };
        Ok(Self::Template { name, language, components: stored_json("template.components", components)? })
    }

    /// The kind, as it is stored and named in answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Media { .. } => "media",
            Self::Location { .. } => "location",
            Self::Contacts { .. } => "contacts",
            Self::Poll { .. } => "poll",
            Self::Template { .. } => "template",
            Self::Reaction { .. } => "reaction",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
        }
    }

    /// The content with its file in another place, if it has one.
    #[must_use]
    pub fn with_file(mut self, source: FileSource) -> Self {
        if let Self::Media { file, .. } = &mut self {
            *file = source;
        }
        self
    }

    /// [`Self::target`], to change it.
    pub(super) const fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Reaction { message, .. } | Self::Edit { message, .. } | Self::Delete { message } => {
                Some(message)
            }
            Self::Text { .. }
            | Self::Media { .. }
            | Self::Location { .. }
            | Self::Contacts { .. }
            | Self::Poll { .. }
            | Self::Template { .. } => None,
        }
    }

    /// The message that it is about; `None` when it is a message of its own.
    pub const fn target(&self) -> Option<&Target> {
        match self {
            Self::Reaction { message, .. } | Self::Edit { message, .. } | Self::Delete { message } => {
                Some(message)
            }
            Self::Text { .. }
            | Self::Media { .. }
            | Self::Location { .. }
            | Self::Contacts { .. }
            | Self::Poll { .. }
            | Self::Template { .. } => None,
        }
    }
}

impl Outgoing {
    /// The content as it is stored. PostgreSQL has no U+0000.
    pub(super) fn stored(&self) -> Result<Value> {
        let content = serde_json::to_value(self).map_err(Error::internal)?;
        match content.to_string().contains("\\u0000") {
            true => Err(Error::invalid("message", "must not contain the character U+0000")),
            false => Ok(content),
        }
    }

    /// The event that stores the message; its ack is `0`.
    pub(super) fn message_event(&self, new: &NewMessage<'_>) -> IngestEvent {
        let own = ChatAddress::of_phone(new.phone).as_str().to_owned();
        let mut message = Message {
            id: new.id.to_owned(),
            chat: new.chat.as_str().to_owned(),
            from_me: true,
            timestamp: Some(new.at.into()),
            sender: Some(own.clone()),
            from: Some(own),
            to: Some(new.chat.as_str().to_owned()),
            ack: Some("0".to_owned()),
            performed_by: Some(new.performed_by.clone()),
            sent_message_id: Some(new.id.to_owned()),
            has_quoted_msg: Some(self.reply_to.is_some()),
            quoted_message_id: self.reply_to.as_ref().map(|quoted| quoted.id.clone()),
            ..Message::default()
        };
        self.content.describe(&mut message);
        IngestEvent {
            session: new.session.to_string(),
            event: Some(Event::Message(message)),
            ..IngestEvent::default()
        }
    }
}

impl SendContent {
    /// Sets the fields that say what the message contains.
    fn describe(&self, message: &mut Message) {
        match self {
            Self::Text { body, mentions, .. } => {
                set(message, "chat", body);
                message.mentioned_ids.clone_from(mentions);
            }
            Self::Media { kind, mime_type, file_name, caption, file } => {
                let kind = if kind == "voice" { "ptt" } else { kind.as_str() };
                set(message, kind, caption.as_deref().unwrap_or_default());
                message.has_media = Some(true);
                let path = if let FileSource::Url(url) = file { Some(url) } else { None };
                message.media = to_proto(json!({"path": path, "mimetype": mime_type, "filename": file_name}));
            }
            Self::Location { latitude, longitude, name, address } => {
                set(message, "location", name.as_deref().unwrap_or_default());
                let place =
                    json!({"latitude": latitude, "longitude": longitude, "name": name, "address": address});
                message.location = to_proto(place);
            }
            Self::Contacts { vcards } => {
                set(message, if vcards.len() == 1 { "vcard" } else { "multi_vcard" }, "");
                message.vcards = to_proto(json!(vcards));
            }
            Self::Poll { question, options, multiple } => {
                set(message, "poll_creation", question);
                let options = json!({"pollName": question, "pollOptions": options, "options": {"allowMultipleAnswers": multiple}});
                message.poll_info = to_proto(options);
            }
            Self::Template { name, .. } => set(message, "template", name),
            Self::Reaction { .. } | Self::Edit { .. } | Self::Delete { .. } => {}
        }
    }
}

fn set(message: &mut Message, kind: &str, body: &str) {
    message.r#type = Some(kind.to_owned());
    message.body = Some(body.to_owned());
}

/// A JSON value as protobuf's.
pub fn to_proto(json: Value) -> Option<prost_types::Value> {
    serde_json::from_value::<JsonValue>(json).ok().map(|value| value.0)
}
