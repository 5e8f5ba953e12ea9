//! What an event must be before it touches the database: known addresses, text PostgreSQL can hold, sane sizes.

mod message;
mod text;

use std::collections::BTreeSet;
use std::time::Duration;

use super::event::{
    ChatEvent, ChatKind, ContactEvent, Event, InboxEvent, IngestEvent, ReadEvent, ReceiptEvent, ReceiptKind,
    StatusEvent, UnreadEvent,
};
use super::inbox::{self, Inbox};
use super::merge::MessageState;
use super::setup::{self, Setup};
use crate::error::{Error, Result};
use crate::ids::{AddressKind, ChatAddress, Phone, PhoneId, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use text::{json_fields, text_patch, unstorable};

const MAX_MEMBERS: usize = 4096;
const MAX_ID_BYTES: usize = 255;
/// How far a connector's clock may be ahead.
const CLOCK_SKEW: Duration = Duration::from_hours(24);

/// An event that may be stored.
pub(super) enum Accepted {
    /// Something at a number.
    Seen(Checked),
    /// Something of the organization itself.
    Setup(Box<Setup>),
}

/// Something at a number.
pub(super) struct Checked {
    pub(super) session: SessionName,
    pub(super) change: Change,
}

/// One of a session's names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SessionName {
    Id(SessionId),
    Phone(Phone),
    PhoneId(PhoneId),
}

/// What an event changes, with its ids parsed.
pub(super) enum Change {
    Contact { id: ChatAddress, event: ContactEvent },
    Chat { chat: ChatAddress, event: Box<ChatEvent>, members: Option<Vec<Member>> },
    Message { chat: ChatAddress, id: String, message: Box<MessageState> },
    Receipt { chat: ChatAddress, id: String, receipt: Receipt },
    Read { chat: ChatAddress, up_to: Instant },
    Unread { chat: ChatAddress, count: i32 },
    Inbox { chat: ChatAddress, inbox: Box<Inbox> },
    Address(Tie),
    Status(StatusEvent),
}

/// A LID, and the same person by phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tie {
    pub(super) lid: ChatAddress,
    pub(super) phone: ChatAddress,
}

/// A member of a chat.
pub(super) struct Member {
    pub(super) contact: ChatAddress,
    pub(super) is_admin: bool,
    pub(super) is_super_admin: bool,
}

/// What is told of a message apart from it, and may come before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// Somebody received or read it.
    Progress { by: ChatAddress, kind: ReceiptKind, at: Instant },
    /// It was deleted for everyone.
    Deleted,
}

impl Change {
    /// The chat it is about.
    pub(super) fn chat(&self) -> Option<&ChatAddress> {
        match self {
            Self::Chat { chat, .. }
            | Self::Message { chat, .. }
            | Self::Receipt { chat, .. }
            | Self::Read { chat, .. }
            | Self::Unread { chat, .. }
            | Self::Inbox { chat, .. } => Some(chat),
            Self::Contact { .. } | Self::Address(_) | Self::Status(_) => None,
        }
    }
}

impl Accepted {
    fn setup(setup: Setup) -> Self {
        Self::Setup(Box::new(setup))
    }
}

/// Checks an event by itself; whether its session exists is asked later.
pub(super) fn check(event: IngestEvent) -> Result<Accepted> {
    let change = match event.event {
        Event::Number(number) => return setup::number(&event.session, number).map(Accepted::setup),
        Event::Member(member) => return setup::member(member).map(Accepted::setup),
        Event::Label(label) => return setup::label(label).map(Accepted::setup),
        Event::Property(property) => return setup::property(property).map(Accepted::setup),
        Event::Contact(event) => contact(event)?,
        Event::Chat(event) => chat(event)?,
        Event::Message(event) => message::message(*event)?,
        Event::Receipt(event) => receipt(&event)?,
        Event::Read(event) => read(&event)?,
        Event::Unread(event) => unread(&event)?,
        Event::Inbox(event) => inbox(*event)?,
        Event::Address(event) => Change::Address(Tie {
            lid: address_of("address.lid", &event.lid, AddressKind::Lid, "must be <digits>@lid")?,
            phone: address_of(
                "address.jid",
                &event.jid,
                AddressKind::Person,
                "must be a phone number's address",
            )?,
        }),
        Event::DeleteMessage(event) => Change::Receipt {
            chat: address("deleteMessage.chat", &event.chat)?,
            id: message_id("deleteMessage.id", event.id)?,
            receipt: Receipt::Deleted,
        },
        Event::Status(event) => Change::Status(event),
    };
    Ok(Accepted::Seen(Checked { session: session(&event.session)?, change }))
}

fn session(text: &str) -> Result<SessionName> {
    let id = text.parse().map(SessionName::Id);
    id.or_else(|_| text.parse().map(SessionName::PhoneId))
        .or_else(|_| text.parse().map(SessionName::Phone))
        .map_err(|_| Error::invalid("session", "must be a session id, a phone id or a number's digits"))
}

fn contact(event: ContactEvent) -> Result<Change> {
    let id = person("contact.id", &event.id)?;
    text_patch("contact.name", &event.name)?;
    text_patch("contact.image", &event.image)?;
    if let Patch::Set(color) = &event.color {
        let is_color = color
            .strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !is_color {
            return Err(Error::invalid("contact.color", "must be #RRGGBB"));
        }
    }
    Ok(Change::Contact { id, event })
}

fn chat(mut event: Box<ChatEvent>) -> Result<Change> {
    let chat = address("chat.jid", &event.jid)?;
    let is_group = chat.kind() == AddressKind::Group;
    if event.kind.is_some_and(|kind| is_group != (kind == ChatKind::Group)) {
        return Err(Error::invalid("chat.type", "must be group for a @g.us address and for no other"));
    }
    for (field, value) in [
        ("chat.name", &event.name),
        ("chat.image", &event.image),
        ("chat.description", &event.description),
        ("chat.inviteLink", &event.invite_link),
        ("chat.memberAddMode", &event.member_add_mode),
    ] {
        text_patch(field, value)?;
    }
    let members = event.members.take().map(members).transpose()?;
    Ok(Change::Chat { chat, event, members })
}

fn members(events: Vec<super::event::MemberEvent>) -> Result<Vec<Member>> {
    if events.len() > MAX_MEMBERS {
        return Err(Error::invalid("chat.members", format_args!("must be at most {MAX_MEMBERS}")));
    }
    let mut seen = BTreeSet::new();
    let mut members = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        let field = format!("chat.members[{index}].id");
        let contact = person(&field, &event.id)?;
        if !seen.insert(contact.clone()) {
            return Err(Error::invalid(field, "must not be there twice"));
        }
        members.push(Member { contact, is_admin: event.is_admin, is_super_admin: event.is_super_admin });
    }
    Ok(members)
}

fn receipt(event: &ReceiptEvent) -> Result<Change> {
    let by = person("receipt.by", &event.by)?;
    Ok(Change::Receipt {
        chat: address("receipt.chat", &event.chat)?,
        id: message_id("receipt.message", event.message.clone())?,
        receipt: Receipt::Progress { by, kind: event.kind, at: event.at },
    })
}

/// A read mark never moves back, so one far ahead of the clock would hide everything that ever comes.
fn read(event: &ReadEvent) -> Result<Change> {
    if event.up_to > Instant::now().later_by(CLOCK_SKEW) {
        return Err(Error::invalid("read.upTo", "must not lie more than a day ahead"));
    }
    Ok(Change::Read { chat: address("read.chat", &event.chat)?, up_to: event.up_to })
}

fn unread(event: &UnreadEvent) -> Result<Change> {
    if event.count < 0 {
        return Err(Error::invalid("unread.count", "must not be negative"));
    }
    Ok(Change::Unread { chat: address("unread.chat", &event.chat)?, count: event.count })
}

fn inbox(event: InboxEvent) -> Result<Change> {
    let chat = address("inbox.chat", &event.chat)?;
    if event.hubspot_metadata.as_ref().is_some_and(|known| !json_fields(known)) {
        return Err(unstorable("inbox.hubspotMetadata"));
    }
    Ok(Change::Inbox { chat, inbox: Box::new(inbox::check(event)?) })
}

fn address(field: &str, text: &str) -> Result<ChatAddress> {
    text.parse().map_err(|error| Error::invalid(field, error))
}

fn address_of(field: &str, text: &str, kind: AddressKind, problem: &str) -> Result<ChatAddress> {
    let address = address(field, text)?;
    if address.kind() == kind { Ok(address) } else { Err(Error::invalid(field, problem)) }
}

fn person(field: &str, text: &str) -> Result<ChatAddress> {
    let address = address(field, text)?;
    match address.kind() {
        AddressKind::Person | AddressKind::Lid => Ok(address),
        AddressKind::Group => Err(Error::invalid(field, "must be a person, not a group")),
    }
}

fn message_id(field: &str, id: String) -> Result<String> {
    let is_sane = (1..=MAX_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
    is_sane.then_some(id).ok_or_else(|| {
        Error::invalid(field, format_args!("must be 1 to {MAX_ID_BYTES} bytes without control characters"))
    })
}
