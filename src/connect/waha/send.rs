//! Sends messages, and applies changes of chats.

use guarded_http::HttpRequest;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, FILE, Failure, LONG, SHORT};
use super::fields::text;
use super::files::{described, with_bytes};
use super::message_id::{bare, spell};
use crate::actions::commands::Change;
use crate::connect::gateway::{
    ChatChange, Content, MediaKind, OutgoingFile, OutgoingMessage, QuotedMessage, SendError, Sent,
};
use crate::ids::{AddressKind, ChatAddress};

/// Where the id of a sent message is in the responses of the engines.
const SENT_ID: [&str; 6] = ["/id", "/id/id", "/key/id", "/_data/id/id", "/_data/key/id", "/_data/Info/ID"];

/// A request to send.
struct Request {
    method: Method,
    path: String,
    body: Value,
    /// Whether a second one changes nothing.
    is_idempotent: bool,
}

/// Whether WAHA takes an id for the content.
pub(super) fn takes_id(content: &Content) -> bool {
    match content {
        Content::Text { .. } | Content::Location { .. } | Content::Contacts { .. } | Content::Poll { .. } => {
            true
        }
        Content::Media { .. }
        | Content::Template { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Delete { .. } => false,
    }
}

/// Why the content cannot be sent.
pub(super) fn refusal(content: &Content) -> Option<&'static str> {
    match content {
        Content::Template { .. } => Some("WAHA has no templates"),
        Content::Text { .. }
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Poll { .. }
        | Content::Media { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Delete { .. } => None,
    }
}

impl Client {
    /// Sends a message. A reaction, an edit and a deletion return the id of their message.
    pub(super) async fn send_message(
        &self,
        message: &OutgoingMessage,
        file: Option<OutgoingFile>,
    ) -> Result<Sent, SendError> {
        if message.chat.kind() == AddressKind::UserId {
            return Err(SendError::Rejected {
                reason: "WAHA cannot send to a business-scoped user id".to_owned(),
            });
        }
        let request = self.request_of(message)?;
        let http = HttpRequest::new(request.method, self.url(&request.path));
        let http = match file {
            Some(file) => http.json_body(with_bytes(&request.body, file)).timeout(FILE),
            None if matches!(message.content, Content::Media { .. }) => return Err(SendError::no_file()),
            None => http.json(request.body.to_string()).timeout(LONG),
        };
        let response = self.call(http).await.map_err(|failure| match request.is_idempotent {
            true => failure.into_repeatable_error(),
            false => failure.into_send_error(),
        })?;
        let id = match &message.content {
            Content::Reaction { message, .. }
            | Content::Edit { message, .. }
            | Content::Delete { message } => Some(message.id.clone()),
            Content::Text { .. }
            | Content::Media { .. }
            | Content::Location { .. }
            | Content::Contacts { .. }
            | Content::Poll { .. }
            | Content::Template { .. } => text(&response, &SENT_ID).map(|id| bare(&id).to_owned()),
        };
        let message_id =
            id.ok_or(SendError::Unclear { reason: "WAHA's response has no message id".to_owned() })?;
        Ok(Sent { message_id })
    }

    fn request_of(&self, message: &OutgoingMessage) -> Result<Request, SendError> {
        let (path, mut body) = match &message.content {
            Content::Text { body, link_preview, mentions } => {
                let mut fields = json!({ "text": body, "linkPreview": link_preview });
                if !mentions.is_empty() {
                    fields["mentions"] = mentions.as_slice().into();
                }
                ("sendText", fields)
            }
            Content::Media { kind, mime_type, file_name, caption } => {
                let (path, mut fields) = media(*kind, mime_type);
                fields["file"] = described(mime_type, file_name.as_deref());
                // Voice notes and stickers have none.
                let has_caption = !matches!(kind, MediaKind::Voice | MediaKind::Sticker);
                if let Some(caption) = caption.as_deref().filter(|_| has_caption) {
                    fields["caption"] = caption.into();
                }
                (path, fields)
            }
            Content::Location { latitude, longitude, name, address } => {
                let title = [name.as_deref(), address.as_deref()].into_iter().flatten().collect::<Vec<_>>();
                let title = title.join(", ");
                ("sendLocation", json!({ "latitude": latitude, "longitude": longitude, "title": title }))
            }
            Content::Contacts { vcards } => {
                let contacts: Vec<_> = vcards.iter().map(|vcard| json!({ "vcard": vcard })).collect();
                ("sendContactVcard", json!({ "contacts": contacts }))
            }
            Content::Poll { question, options, multiple } => {
                let poll = json!({ "name": question, "options": options, "multipleAnswers": multiple });
                ("sendPoll", json!({ "poll": poll }))
            }
            Content::Reaction { message: of, emoji } => return Ok(self.reaction(message, of, emoji)),
            Content::Edit { message: of, body } => {
                return Ok(self.of_message(Method::PUT, message, of, json!({ "text": body })));
            }
            Content::Delete { message: of } => {
                return Ok(self.of_message(Method::DELETE, message, of, json!({})));
            }
            Content::Template { .. } => {
                return Err(SendError::Unsupported { reason: "WAHA has no templates" });
            }
        };
        body["session"] = self.settings.account.as_str().into();
        body["chatId"] = message.chat.as_str().into();
        if let Some(quoted) = &message.reply_to {
            body["reply_to"] = spell(&message.chat, quoted, &self.own()).into();
        }
        if let Some(id) = message.message_id.as_ref().filter(|_| takes_id(&message.content)) {
            body["id"] = id.as_str().into();
        }
        Ok(Request { method: Method::POST, path: format!("/api/{path}"), body, is_idempotent: false })
    }

    fn reaction(&self, message: &OutgoingMessage, of: &QuotedMessage, emoji: &str) -> Request {
        let id = spell(&message.chat, of, &self.own());
        let body = json!({ "session": self.settings.account, "messageId": id, "reaction": emoji });
        Request { method: Method::PUT, path: "/api/reaction".to_owned(), body, is_idempotent: true }
    }

    fn of_message(
        &self,
        method: Method,
        message: &OutgoingMessage,
        of: &QuotedMessage,
        body: Value,
    ) -> Request {
        let id = spell(&message.chat, of, &self.own());
        let path = self.path(&["chats", message.chat.as_str(), "messages", &id]);
        Request { method, path, body, is_idempotent: true }
    }

    fn own(&self) -> ChatAddress {
        ChatAddress::of_phone(&self.settings.phone)
    }

    /// Applies a change of a chat. Doing it twice changes nothing, so no failure is unclear.
    pub(super) async fn change(&self, chat: &ChatAddress, change: &ChatChange) -> Result<(), SendError> {
        let of_chat = |name: &str| (self.path(&["chats", chat.as_str(), name]), None);
        let (path, body) = match change.change {
            Change::Archived(true) => of_chat("archive"),
            Change::Archived(false) => of_chat("unarchive"),
            Change::Unread => of_chat("unread"),
            Change::Read(_) => ("/api/sendSeen".to_owned(), Some(self.seen(chat, &change.last_incoming))),
            Change::Pinned(_) => return Err(SendError::Unsupported { reason: "WAHA cannot pin chats" }),
            Change::Muted(_) => return Err(SendError::Unsupported { reason: "WAHA cannot mute chats" }),
        };
        let changed = self.request(Method::POST, &path, body.as_ref(), SHORT).await;
        changed.map(drop).map_err(Failure::into_repeatable_error)
    }

    /// Without a browser, only the messages that are named become read.
    fn seen(&self, chat: &ChatAddress, messages: &[QuotedMessage]) -> Value {
        let ids = messages.iter().map(|message| spell(chat, message, &self.own()));
        let mut body = json!({ "session": self.settings.account, "chatId": chat.as_str() });
        if !messages.is_empty() {
            body["messageIds"] = ids.collect::<Vec<_>>().into();
        }
        body
    }
}

/// The route for a file, and what it wants beside it. WAHA sends audio as a voice note or as a document only.
fn media(kind: MediaKind, mime_type: &str) -> (&'static str, Value) {
    match kind {
        MediaKind::Image => ("sendImage", json!({})),
        MediaKind::Video => ("sendVideo", json!({ "asNote": false, "convert": mime_type != "video/mp4" })),
        MediaKind::Voice => ("sendVoice", json!({ "convert": !mime_type.starts_with("audio/ogg") })),
        MediaKind::Sticker => ("sendSticker", json!({})),
        MediaKind::Audio | MediaKind::Document => ("sendFile", json!({})),
    }
}

/// A new message id, in the form of WhatsApp Web's.
pub(super) fn new_id() -> String {
    format!("3EB0{:018X}", rand::random::<u128>() & 0xff_ffff_ffff_ffff_ffff)
}
