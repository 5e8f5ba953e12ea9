//! Messages, reactions, edits and deletions, of customers and of the business's phone.

use serde_json::{Value, json};

use super::content::{self, MediaFile};
use super::fields::{event, flag, owned, phone, text, timestamp};
use super::people::{Person, group};
use super::system;
use crate::connect::gateway::{FollowUp, Lookup, Mapped, MediaSource};
use crate::connect::settings::ConnectionSettings;
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::ingest_event::{DeleteMessage, Edit, Event, Message, MessageReference, Reaction};

/// Frequently forwarded, on WhatsApp's scale.
const FREQUENTLY: i64 = 5;

/// Who wrote a message, and where.
struct Origin<'a> {
    chat: ChatAddress,
    sender: ChatAddress,
    from_me: bool,
    /// The other side of a chat with one person, or the author in a group.
    person: Person<'a>,
    at: Instant,
}

/// Maps a message. `thread` is the other side, where the webhook names it apart from the message.
///
/// # Errors
///
/// It has no id, time or chat.
pub(super) fn map(
    settings: &ConnectionSettings,
    value: &Value,
    raw: &Value,
    thread: Option<&Value>,
) -> Result<Mapped, String> {
    let origin = origin(settings, value, raw, thread)?;
    let mut mapped = Mapped { events: origin.person.events(origin.at), ..Mapped::default() };
    if origin.chat.kind() == AddressKind::Group {
        mapped.follow_ups.push(FollowUp::Lookup(Lookup::Group(origin.chat.as_str().to_owned())));
    }
    match text(raw, "/type") {
        Some("reaction") => mapped.events.push(event(reaction(&origin, raw)?)),
        Some("edit") => mapped.events.push(event(edit(&origin, raw)?)),
        Some("revoke") => {
            let message = Some(origin.reference(text(raw, "/revoke/original_message_id"))?);
            mapped.events.push(event(Event::DeleteMessage(DeleteMessage { message })));
        }
        kind => {
            if kind == Some("system") {
                mapped.events.extend(system::events(raw));
            }
            let (message, media) = message(&origin, raw)?;
            mapped.events.push(event(Event::Message(message)));
            mapped.follow_ups.extend(media.map(FollowUp::Media));
        }
    }
    Ok(mapped)
}

fn origin<'a>(
    settings: &ConnectionSettings,
    value: &'a Value,
    raw: &Value,
    thread: Option<&Value>,
) -> Result<Origin<'a>, String> {
    let own = [
        Some(ChatAddress::of_phone(&settings.phone)),
        text(value, "/metadata/display_phone_number").and_then(phone),
    ];
    let is_own = |name: Option<&str>| name.and_then(phone).is_some_and(|name| own.contains(&Some(name)));
    let (from, to) = (text(raw, "/from"), text(raw, "/to").or_else(|| text(raw, "/to_user_id")));
    let from_me = is_own(from) || to.is_some() && !is_own(to);
    let other = match (thread, from_me) {
        (Some(thread), _) => {
            let number = text(thread, "/context/wa_id").or_else(|| text(thread, "/id"));
            Person::new(number, text(thread, "/context/user_id"), value)
        }
        (None, true) => Person::new(text(raw, "/to"), text(raw, "/to_user_id"), value),
        (None, false) => Person::new(from.or_else(|| system::new_number(raw)), user_id(raw), value),
    };
    let group_id = text(raw, "/group_id").map(group).transpose()?;
    let in_group = text(raw, "/recipient_type") == Some("group");
    let group_id = match group_id {
        None if in_group => text(raw, "/to").map(group).transpose()?,
        known => known,
    };
    let chat = group_id.or_else(|| other.address().cloned());
    let chat = chat.ok_or_else(|| "from: must be a phone number or a user id".to_owned())?;
    let sender = if from_me {
        ChatAddress::of_phone(&settings.phone)
    } else {
        other.address().unwrap_or(&chat).clone()
    };
    Ok(Origin { chat, sender, from_me, person: other, at: timestamp(raw)? })
}

fn user_id(raw: &Value) -> Option<&str> {
    text(raw, "/from_user_id").or_else(|| text(raw, "/system/user_id"))
}

impl Origin<'_> {
    /// The author of another's message in a group.
    fn author(&self) -> Option<String> {
        let is_others = self.chat.kind() == AddressKind::Group && !self.from_me;
        is_others.then(|| self.sender.as_str().to_owned())
    }

    /// A message of the same author.
    fn reference(&self, id: Option<&str>) -> Result<MessageReference, String> {
        let id = id.ok_or_else(|| "original_message_id: is required".to_owned())?.to_owned();
        let (chat, from_me) = (self.chat.as_str().to_owned(), Some(self.from_me));
        Ok(MessageReference { id, chat, from_me, author: self.author() })
    }
}

fn reaction(origin: &Origin, raw: &Value) -> Result<Event, String> {
    let id =
        text(raw, "/reaction/message_id").ok_or_else(|| "reaction.message_id: is required".to_owned())?;
    let chat = origin.chat.as_str().to_owned();
    Ok(Event::Reaction(Reaction {
        // Anyone's message.
        message: Some(MessageReference { id: id.to_owned(), chat, from_me: None, author: None }),
        by: origin.sender.as_str().to_owned(),
        emoji: owned(raw, "/reaction/emoji").unwrap_or_default(),
        at: Some(origin.at.into()),
    }))
}

/// A new text, or a new caption of a media file.
fn edit(origin: &Origin, raw: &Value) -> Result<Event, String> {
    let content = raw.pointer("/edit/message").unwrap_or(&Value::Null);
    let mut edited = Message::default();
    content::fill(content, &mut edited);
    if edited.r#type.as_deref() == Some("unknown") {
        return Err("edit.message: must be a message of a known type".to_owned());
    }
    Ok(Event::Edit(Edit {
        message: Some(origin.reference(text(raw, "/edit/original_message_id"))?),
        body: edited.body.unwrap_or_default(),
        at: Some(origin.at.into()),
    }))
}

fn message(origin: &Origin, raw: &Value) -> Result<(Message, Option<MediaSource>), String> {
    let id = text(raw, "/id").ok_or_else(|| "id: is required".to_owned())?;
    let quoted = owned(raw, "/context/id");
    let frequently = flag(raw, "/context/frequently_forwarded");
    let forwarded = frequently || flag(raw, "/context/forwarded");
    let mut message = Message {
        id: id.to_owned(),
        chat: origin.chat.as_str().to_owned(),
        from_me: origin.from_me,
        timestamp: Some(origin.at.into()),
        sender: Some(origin.sender.as_str().to_owned()),
        author: origin.author(),
        // WhatsApp's server has it.
        ack: origin.from_me.then(|| "2".to_owned()),
        has_quoted_msg: quoted.is_some().then_some(true),
        quoted_message_id: quoted,
        is_forwarded: forwarded.then_some(true),
        forwarding_score: forwarded.then_some(if frequently { FREQUENTLY } else { 1 }),
        ..Message::default()
    };
    let media = content::fill(raw, &mut message).map(|file| source(origin, id, file));
    Ok((message, media))
}

fn source(origin: &Origin, id: &str, file: MediaFile) -> MediaSource {
    MediaSource {
        chat: origin.chat.as_str().to_owned(),
        message_id: id.to_owned(),
        from_me: origin.from_me,
        author: origin.author(),
        locator: json!({"id": file.id}),
        mime_type: file.mime_type,
        file_name: file.file_name,
        size: None,
        sha256: file.sha256,
        stored: None,
    }
}
