//! Maps messages, both those of webhooks and those of the history.

use serde_json::Value;

use super::content::{Content, Kind};
use super::context::{Context, link_all, push, push_name};
use super::details;
use super::engines;
use super::fields::{chat, flag, instant, json, number, person, text, texts, whole_second};
use super::message_id::{self, MessageId};
use super::protobuf;
use crate::connect::gateway::{FollowUp, Mapped};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::ingest_event::{DeleteMessage, Edit, Event, Message, MessageReference, Reaction};

/// The clock of a gateway may be ahead by this much.
const MAX_CLOCK_SKEW: std::time::Duration = std::time::Duration::from_hours(24);

/// A message whose id is read.
pub(super) struct Envelope<'a> {
    /// Its id.
    pub id: MessageId<'a>,
    /// The chat.
    pub chat: ChatAddress,
    /// Who sent it, in a group.
    pub author: Option<ChatAddress>,
    /// The payload.
    pub payload: &'a Value,
}

impl<'a> Envelope<'a> {
    /// Reads the id; `None` for status updates, broadcast lists and channels.
    pub(super) fn of(payload: &'a Value) -> Result<Option<Self>, String> {
        let id = payload.get("id").and_then(Value::as_str).and_then(message_id::parse);
        let id = id.ok_or("payload.id: must be <from me>_<chat>_<id>")?;
        let Some(chat) = chat("payload.id", id.chat)? else { return Ok(None) };
        let author = match chat.kind() {
            AddressKind::Group => id.author.clone().or_else(|| {
                let data = [
                    "/participant",
                    "/author",
                    "/_data/author",
                    "/_data/key/participant",
                    "/_data/Info/Sender",
                ];
                person(payload, &data)
            }),
            AddressKind::Person | AddressKind::Lid | AddressKind::UserId => None,
        };
        Ok(Some(Self { id, chat, author, payload }))
    }

    /// Who sent it.
    pub(super) fn sender<'b>(&'b self, context: &'b Context) -> Option<&'b ChatAddress> {
        match (self.id.from_me, self.chat.kind()) {
            (true, _) => Some(&context.own),
            (false, AddressKind::Group) => self.author.as_ref(),
            (false, AddressKind::Person | AddressKind::Lid | AddressKind::UserId) => Some(&self.chat),
        }
    }

    /// Names another message of the chat, as far as the engines agree on it: by its id alone.
    pub(super) fn reference(&self, id: &str) -> MessageReference {
        let id = message_id::bare(id).to_owned();
        MessageReference { id, chat: self.chat.to_string(), from_me: None, author: None }
    }

    /// When it was sent.
    fn sent_at(&self, context: &Context) -> Result<Instant, String> {
        let pointers = ["/timestamp", "/_data/messageTimestamp", "/_data/Info/Timestamp", "/_data/t"];
        let at = instant(self.payload, &pointers).ok_or("payload.timestamp: must be a Unix time")?;
        if at > context.at.later_by(MAX_CLOCK_SKEW) {
            return Err("payload.timestamp: must be at most a day ahead".to_owned());
        }
        Ok(at)
    }
}

/// Maps a message. Edits, deletions and reactions of the history are messages too.
pub(super) fn map(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(envelope) = Envelope::of(payload)? else { return Ok(()) };
    let content = engines::of(payload);
    match &content.kind {
        Kind::Skipped => {}
        Kind::Protocol => protocol(context, &envelope, &content, mapped)?,
        Kind::Reaction => {
            let id = text(content.details, &["/key/id", "/key/ID"]).ok_or("reaction: must have a key")?;
            let emoji = text(content.details, &["/text"]).unwrap_or_default();
            reaction(context, &envelope, &id, emoji, mapped)?;
        }
        Kind::Message(_) | Kind::Unknown | Kind::Deleted => message(context, &envelope, &content, mapped)?,
    }
    Ok(())
}

fn message(
    context: &Context,
    envelope: &Envelope<'_>,
    content: &Content<'_>,
    mapped: &mut Mapped,
) -> Result<(), String> {
    let (payload, at) = (envelope.payload, envelope.sent_at(context)?);
    persons(context, envelope, at, mapped);
    let (id, is_group) = (&envelope.id, envelope.chat.kind() == AddressKind::Group);
    let sender = envelope.sender(context).map(ToString::to_string);
    let (chat, own) = (envelope.chat.to_string(), context.own.to_string());
    let (from, to) = if id.from_me { (own, chat.clone()) } else { (chat.clone(), own) };
    let mut message = Message {
        id: id.id.to_owned(),
        chat,
        from_me: id.from_me,
        timestamp: Some(at.into()),
        author: sender.clone().filter(|_| is_group && !id.from_me),
        sender,
        from: Some(from),
        to: Some(to),
        ack: ack(payload).filter(|_| id.from_me),
        ..Message::default()
    };
    match &content.kind {
        Kind::Message(kind) => {
            message.raw_data = notice(kind, payload);
            message.r#type = Some(kind.clone());
        }
        Kind::Deleted => {
            message.is_deleted = Some(true);
            push(mapped, Event::Message(message));
            reactions_of_history(context, envelope, mapped);
            return Ok(());
        }
        Kind::Unknown | Kind::Reaction | Kind::Protocol | Kind::Skipped => {
            message.r#type = Some("unknown".to_owned());
            message.raw_data = payload.get("_data").and_then(json);
        }
    }
    details::fill(&mut message, payload, content);
    let edit = edit_of_history(content, payload, at).and_then(|at| Some((at, message.body.take()?)));
    let media = details::media(&message, payload, content);
    if let Some(media) = media {
        message.has_media = Some(true);
        message.media = json(&details::shown(&media));
        mapped.follow_ups.push(FollowUp::Media(media));
    }
    let reference = reference(&message);
    push(mapped, Event::Message(message));
    if let Some((at, body)) = edit {
        push(mapped, Event::Edit(Edit { message: Some(reference), body, at: Some(whole_second(at).into()) }));
    }
    reactions_of_history(context, envelope, mapped);
    Ok(())
}

/// What a notice about a group or a call says beside its text: what happened, and to whom. WEBJS and WPP report it.
fn notice(kind: &str, payload: &Value) -> Option<prost_types::Value> {
    let data = payload.get("_data").filter(|_| matches!(kind, "gp2" | "call_log"))?;
    let (subtype, recipients) = (text(data, &["/subtype"])?, texts(data, &["/recipients"], "_serialized"));
    json(&serde_json::json!({ "subtype": subtype, "recipients": recipients }))
}

fn reference(message: &Message) -> MessageReference {
    let Message { id, chat, from_me, author, .. } = message;
    MessageReference { id: id.clone(), chat: chat.clone(), from_me: Some(*from_me), author: author.clone() }
}

/// The addresses and the name of who sent a message. An own message bears the own name, which is nobody else's.
fn persons(context: &Context, envelope: &Envelope<'_>, at: Instant, mapped: &mut Mapped) {
    let data = &envelope.payload["_data"];
    let author = envelope.author.as_ref().filter(|author| !context.is_own(author));
    link_all(mapped, data, &[Some(&envelope.chat), author]);
    let sender = envelope.sender(context).filter(|sender| !envelope.id.from_me && !context.is_own(sender));
    if let Some(sender) = sender {
        let name = text(data, &["/pushName", "/Info/PushName", "/notifyName", "/sender/pushname"]);
        push_name(mapped, sender, name, at);
    }
}

/// The ack in our numbers: WAHA's are one smaller, but for an error and the highest.
fn ack(payload: &Value) -> Option<String> {
    let ack = number(payload, &["/ack"])?;
    let ack = [(-1.0, "-1"), (0.0, "0"), (1.0, "2"), (2.0, "3"), (3.0, "4"), (4.0, "4")]
        .into_iter()
        .find_map(|(theirs, ours)| (ack == theirs).then_some(ours));
    ack.map(str::to_owned)
}

/// When the text of a message in the history replaced its first one.
///
/// WhatsApp Web says when. Baileys overwrites the time of the message with that of the edit.
fn edit_of_history(content: &Content<'_>, payload: &Value, at: Instant) -> Option<Instant> {
    instant(payload, &["/_data/latestEditSenderTimestampMs"]).or(content.is_edited.then_some(at))
}

/// Reactions that Baileys keeps with their message.
fn reactions_of_history(context: &Context, envelope: &Envelope<'_>, mapped: &mut Mapped) {
    let Some(Value::Array(reactions)) = envelope.payload.pointer("/_data/reactions") else { return };
    for reaction in reactions {
        let by = match flag(reaction, &["/key/fromMe"]) {
            true => Some(context.own.clone()),
            false => person(reaction, &["/key/participant", "/key/remoteJid"]),
        };
        let at = instant(reaction, &["/senderTimestampMs"]);
        if let (Some(by), Some(at)) = (by, at) {
            push_reaction(
                envelope,
                envelope.id.id,
                by,
                text(reaction, &["/text"]).unwrap_or_default(),
                at,
                mapped,
            );
        }
    }
}

/// Maps a reaction to the message with that id.
pub(super) fn reaction(
    context: &Context,
    envelope: &Envelope<'_>,
    id: &str,
    emoji: String,
    mapped: &mut Mapped,
) -> Result<(), String> {
    let at = envelope.sent_at(context)?;
    persons(context, envelope, at, mapped);
    let by = envelope.sender(context).ok_or("payload.participant: must be who reacted")?.clone();
    push_reaction(envelope, id, by, emoji, at, mapped);
    Ok(())
}

fn push_reaction(
    envelope: &Envelope<'_>,
    id: &str,
    by: ChatAddress,
    emoji: String,
    at: Instant,
    mapped: &mut Mapped,
) {
    let message = Some(envelope.reference(id));
    let at = Some(whole_second(at).into());
    push(mapped, Event::Reaction(Reaction { message, by: by.to_string(), emoji, at }));
}

/// Maps an edit or a deletion that is a message of its own. Other messages of the protocol are nobody's business.
fn protocol(
    context: &Context,
    envelope: &Envelope<'_>,
    content: &Content<'_>,
    mapped: &mut Mapped,
) -> Result<(), String> {
    let details = content.details;
    let Some(id) = text(details, &["/key/id", "/key/ID"]) else { return Ok(()) };
    let kind = details.get("type").cloned().unwrap_or(Value::from(0));
    if protobuf::is(&kind, "REVOKE", 0) {
        push(mapped, deletion(envelope, &id));
    } else if protobuf::is(&kind, "MESSAGE_EDIT", 14)
        && let Some(new) = details.get("editedMessage").and_then(Value::as_object)
    {
        let new = protobuf::content(new, &Value::Null);
        // Only the caption of a file can be removed.
        if new.text.is_some() || new.is_media() {
            let at = instant(details, &["/timestampMs", "/timestampMS"]);
            edit(context, envelope, &id, new.text.unwrap_or_default(), at, mapped)?;
        }
    }
    Ok(())
}

/// The deletion of a message for everyone.
pub(super) fn deletion(envelope: &Envelope<'_>, id: &str) -> Event {
    Event::DeleteMessage(DeleteMessage { message: Some(envelope.reference(id)) })
}

/// Maps an edit of the message with that id.
///
/// Without a time of its own, the edit has that of its message, unless WhatsApp Web reports the edited message itself.
pub(super) fn edit(
    context: &Context,
    envelope: &Envelope<'_>,
    id: &str,
    body: String,
    at: Option<Instant>,
    mapped: &mut Mapped,
) -> Result<(), String> {
    let at = match at {
        Some(at) => at,
        None if envelope.id.id == message_id::bare(id) => context.at,
        None => envelope.sent_at(context)?,
    };
    let body = details::truncated(body, details::MAX_BODY);
    let (message, at) = (Some(envelope.reference(id)), Some(whole_second(at).into()));
    push(mapped, Event::Edit(Edit { message, body, at }));
    Ok(())
}
