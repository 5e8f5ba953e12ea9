//! JSON of ingest events: one event a line, which `switchboard import` reads and `export` writes.
//!
//! This is the proto's JSON form with shorter values: instants are Unix milliseconds, enum values have no prefix, members
//! and labels are plain arrays. Keys are written in lowerCamelCase and read in snake_case too; unknown keys are rejected.
//! `null` clears a field that `cleared` may name; for every other field it counts as absent. The build adds the serde
//! attributes that name the functions below.

mod fields;
mod names;

pub use fields::*;
pub use names::{camel_case, snake_case};

use std::collections::BTreeMap;

use prost_types::FieldMask;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::error::Category;
use transcode::FieldViolation;

use crate::IngestEvent;
use crate::ingest_event::{self, Chat, Contact, DeleteMessage, Edit, Event, Inbox, Reaction, Receipt};

/// Reads an event from one line. The error names the field by its path; it is `event` for the line as a whole.
pub fn read(line: &[u8]) -> Result<IngestEvent, FieldViolation> {
    // Tracking the path costs a third of the time, so only invalid lines are read with it.
    let mut event = serde_json::from_slice(line).or_else(|_| read_with_path(line))?;
    clear_nulls(&mut event, line);
    Ok(event)
}

fn read_with_path(line: &[u8]) -> Result<IngestEvent, FieldViolation> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let event = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| invalid(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| invalid(".", &error))?;
    Ok(event)
}

fn invalid(path: &str, error: &serde_json::Error) -> FieldViolation {
    let field = if path == "." { "event" } else { path };
    let text = error.to_string();
    let is_lone_surrogate = ["lone leading surrogate in hex escape", "unexpected end of hex escape"]
        .iter()
        .any(|problem| text.starts_with(problem));
    if is_lone_surrogate {
        return FieldViolation::new(field, "must not contain half of a surrogate pair");
    }
    if matches!(error.classify(), Category::Syntax | Category::Eof) {
        return FieldViolation::new(
            field,
            format!("must be valid JSON; the error is at byte {}", error.column()),
        );
    }
    // The line number is always 1 and the list of known keys is long: both are left out.
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with("unknown field ") {
        return FieldViolation::new(field, "is an unknown field");
    }
    match text.split_once(", expected ") {
        Some((_, expected)) => FieldViolation::new(field, format!("must be {expected}")),
        None => FieldViolation::new(field, format!("is not valid: {text}")),
    }
}

impl Contact {
    /// Fields that `cleared` may name.
    pub const CLEARABLE: &[&str] = &["name", "color", "image"];
}

impl Chat {
    /// Fields that `cleared` may name.
    pub const CLEARABLE: &[&str] = &[
        "name",
        "image",
        "muted_until",
        "created_at",
        "description",
        "invite_link",
        "info_admins_only",
        "messages_admins_only",
        "add_members_admins_only",
        "member_add_mode",
    ];
}

impl Inbox {
    /// Fields that `cleared` may name.
    pub const CLEARABLE: &[&str] = &["assigned_to", "closed_at"];
}

/// Adds the fields that the line sets to `null` to `cleared`. Serde reports `null` and absent as the same.
fn clear_nulls(event: &mut IngestEvent, line: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Line {
        #[serde(alias = "contact", alias = "chat", alias = "inbox")]
        event: BTreeMap<String, Option<IgnoredAny>>,
    }

    let (cleared, clearable) = match &mut event.event {
        Some(Event::Contact(contact)) => (&mut contact.cleared, Contact::CLEARABLE),
        Some(Event::Chat(chat)) => (&mut chat.cleared, Chat::CLEARABLE),
        Some(Event::Inbox(inbox)) => (&mut inbox.cleared, Inbox::CLEARABLE),
        Some(
            Event::Message(_)
            | Event::Receipt(_)
            | Event::Edit(_)
            | Event::Reaction(_)
            | Event::MemberChange(_)
            | Event::Read(_)
            | Event::Unread(_)
            | Event::Address(_)
            | Event::Alias(_)
            | Event::DeleteMessage(_)
            | Event::Status(_)
            | Event::Number(_)
            | Event::Member(_)
            | Event::Label(_)
            | Event::Property(_),
        )
        | None => return,
    };
    if !line.windows(4).any(|bytes| bytes == b"null") {
        return;
    }
    let Ok(Line { event }) = serde_json::from_slice(line) else { return };
    let nulls = event.into_iter().filter(|(_, value)| value.is_none()).map(|(key, _)| snake_case(&key));
    let nulls: Vec<String> = nulls.filter(|name| clearable.contains(&name.as_str())).collect();
    if !nulls.is_empty() {
        cleared.get_or_insert_with(FieldMask::default).paths.extend(nulls);
    }
}

impl Event {
    /// The chat or contact that the event is about.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Contact(contact) => Some(&contact.id),
            Self::Chat(chat) => Some(&chat.jid),
            Self::Message(message) => Some(&message.chat),
            Self::Receipt(Receipt { message, .. })
            | Self::Edit(Edit { message, .. })
            | Self::Reaction(Reaction { message, .. })
            | Self::DeleteMessage(DeleteMessage { message }) => {
                message.as_ref().map(|message| &*message.chat)
            }
            Self::Read(read) => Some(&read.chat),
            Self::MemberChange(change) => Some(&change.chat),
            Self::Unread(unread) => Some(&unread.chat),
            Self::Inbox(inbox) => Some(&inbox.chat),
            Self::Address(link) => Some(&link.jid),
            Self::Alias(alias) => Some(&alias.same_as),
            Self::Status(_) | Self::Number(_) | Self::Member(_) | Self::Label(_) | Self::Property(_) => None,
        }
    }

    /// Whether the event is a record of the organization itself.
    pub fn is_setup(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Member(_) | Self::Label(_) | Self::Property(_))
    }
}

/// Declares the line: one key per kind of event.
macro_rules! events {
    ($($(#[$attribute:meta])* $key:ident: $kind:ident($message:ident),)+) => {
        #[derive(Default, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase", deny_unknown_fields)]
        struct Line {
            sequence: i64,
            session: String,
            $($(#[$attribute])* $key: Option<ingest_event::$message>,)+
        }

        impl<'de> Deserialize<'de> for IngestEvent {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let line = Line::deserialize(deserializer)?;
                let (mut event, mut kinds) = (None, 0);
                $(if let Some(content) = line.$key {
                    event = Some(Event::$kind(content));
                    kinds += 1;
                })+
                if kinds != 1 {
                    let kinds = [$(camel_case(stringify!($key))),+].join(", ");
                    return Err(D::Error::custom(format_args!("must have exactly one of {kinds}")));
                }
                Ok(Self { sequence: line.sequence, session: line.session, event })
            }
        }

        impl Event {
            /// The kind of event as the proto names it, such as `delete_message`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($key),)+
                }
            }
        }

        impl Serialize for IngestEvent {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut line = serializer.serialize_map(None)?;
                if !self.session.is_empty() {
                    line.serialize_entry("session", &self.session)?;
                }
                match &self.event {
                    $(Some(Event::$kind(event)) => line.serialize_entry(&camel_case(stringify!($key)), event)?,)+
                    None => {}
                }
                line.end()
            }
        }
    };
}

events! {
    contact: Contact(Contact),
    chat: Chat(Chat),
    message: Message(Message),
    receipt: Receipt(Receipt),
    edit: Edit(Edit),
    reaction: Reaction(Reaction),
    read: Read(Read),
    unread: Unread(Unread),
    address: Address(Address),
    alias: Alias(Alias),
    #[serde(alias = "delete_message")]
    delete_message: DeleteMessage(DeleteMessage),
    #[serde(alias = "member_change")]
    member_change: MemberChange(MemberChange),
    status: Status(Status),
    inbox: Inbox(Inbox),
    number: Number(Number),
    member: Member(OrganizationMember),
    label: Label(Label),
    property: Property(Property),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_clears_a_clearable_field_and_is_absent_elsewhere() {
        let read = |line: &str| match read(line.as_bytes()).unwrap().event {
            Some(Event::Chat(chat)) => chat,
            other => panic!("{other:?}"),
        };
        let line =
            r#"{"session":"1","chat":{"jid":"2","mutedUntil":null,"invite_link":null,"archived":null}}"#;
        let mask = read(line).cleared.unwrap();
        assert_eq!(mask.paths, ["invite_link", "muted_until"]);
        assert_eq!(read(r#"{"chat":{"jid":"null","members":null,"type":null}}"#).cleared, None);
    }

    #[test]
    fn keys_are_read_in_both_spellings_and_written_in_camel_case() {
        let camel = r#"{"session":"1","deleteMessage":{"message":{"id":"A","chat":"2"}}}"#;
        let snake = read(br#"{"session":"1","delete_message":{"message":{"id":"A","chat":"2"}}}"#).unwrap();
        assert_eq!(serde_json::to_string(&snake).unwrap(), camel);
        assert_eq!(read(camel.as_bytes()).unwrap(), snake);
        let chat = br#"{"session":"1","chat":{"jid":"2","type":"CHAT_TYPE_DM","muted_until":1.5,"cleared":"inviteLink"}}"#;
        let written = serde_json::to_string(&read(chat).unwrap()).unwrap();
        assert_eq!(
            written,
            r#"{"session":"1","chat":{"jid":"2","type":"dm","mutedUntil":1.5,"cleared":"inviteLink"}}"#
        );
    }

    #[test]
    fn whole_numbers_are_written_without_fraction() {
        let line = r#"{"session":"1","message":{"id":"A","chat":"2","fromMe":true,"timestamp":7,"rawData":{"a":[1,-2.5,null,"x"]}}}"#;
        let event = read(line.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }
}
