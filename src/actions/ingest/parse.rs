//! Step 1, parse: checks one event by itself and types its values. Errors name the field.

mod fields;
mod inbox;
mod message;
mod setup;
mod update;

use std::collections::BTreeSet;
use std::time::Duration;

use super::change::{
    Change, ChatChange, ContactChange, Link, Member, MemberChange, Membership, SessionEvent, SessionName,
    StatusChange,
};
use super::setup::Setup;
use crate::error::{Error, Result};
use crate::folding::is_blank;
use crate::ids::AddressKind;
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{self as event, ChatType, Event};
use crate::pb::ingest_json::{chat_type, connection_status};
pub(in crate::actions) use fields::json as stored_json;
use fields::{Fields, address, address_of, instant, person, required};

pub(super) const MAX_MEMBERS: usize = 4096;
/// The clock of a connector may be ahead by this much.
const MAX_CLOCK_SKEW: Duration = Duration::from_hours(24);

/// A valid event.
pub(super) enum Parsed {
    /// About a session.
    Session(SessionEvent),
    /// About the organization itself.
    Setup(Box<Setup>),
}

/// Parses an event. Whether the names that it holds exist is checked later.
pub(super) fn parse(event: IngestEvent) -> Result<Parsed> {
    let Some(content) = event.event else {
        return Err(Error::invalid("event", "must have one kind of event"));
    };
    let setup = |setup: Setup| Parsed::Setup(Box::new(setup));
    let change = match content {
        Event::Number(number) => return setup::session(&event.session, number).map(setup),
        Event::Member(member) => return setup::member(member).map(setup),
        Event::Label(label) => return setup::label(label).map(setup),
        Event::Property(property) => return setup::property(property).map(setup),
        Event::Contact(contact) => parse_contact(contact)?,
        Event::Chat(chat) => parse_chat(chat)?,
        Event::Message(message) => message::parse(message)?,
        Event::Receipt(receipt) => update::receipt(receipt)?,
        Event::Edit(edit) => update::edit(edit)?,
        Event::Reaction(reaction) => update::reaction(reaction)?,
        Event::Read(read) => parse_read(&read)?,
        Event::MemberChange(change) => parse_member_change(&change)?,
        Event::Unread(unread) => parse_unread(&unread)?,
        Event::Inbox(inbox) => inbox::parse(inbox)?,
        Event::Address(link) => parse_link(&link)?,
        Event::Alias(alias) => parse_alias(&alias)?,
        Event::DeleteMessage(deletion) => update::deletion(deletion)?,
        Event::Status(status) => parse_status(&status)?,
    };
    Ok(Parsed::Session(SessionEvent { session: session_name(&event.session)?, change }))
}

fn session_name(text: &str) -> Result<SessionName> {
    let id = text.parse().map(SessionName::Id);
    id.or_else(|_| text.parse().map(SessionName::PhoneId))
        .or_else(|_| text.parse().map(SessionName::Phone))
        .map_err(|_| {
            Error::invalid("session", "must be a session id, a phone id or the digits of a phone number")
        })
}

fn parse_contact(contact: event::Contact) -> Result<Change> {
    let id = person("contact.id", &contact.id)?;
    let fields = Fields::new("contact", contact.cleared, event::Contact::CLEARABLE)?;
    let is_color = |color: &str| {
        let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6);
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if contact.color.as_deref().is_some_and(|color| !is_color(color)) {
        return Err(Error::invalid("contact.color", "must be #RRGGBB"));
    }
    let contact = ContactChange {
        name: fields.text("name", contact.name.filter(|name| !is_blank(name)))?,
        color: fields.patch("color", contact.color),
        image: fields.picture("image", contact.image)?,
        is_internal: contact.is_internal,
        updated_at: instant("contact.updatedAt", contact.updated_at)?,
    };
    Ok(Change::Contact { id, contact })
}

fn parse_chat(chat: event::Chat) -> Result<Change> {
    let address = address("chat.jid", &chat.jid)?;
    let kind = match chat.r#type() {
        ChatType::Unspecified if chat.r#type == 0 => None,
        ChatType::Unspecified => {
            return Err(Error::invalid("chat.type", format_args!("must be {}", chat_type::EXPECTED)));
        }
        ChatType::Dm => Some("user"),
        ChatType::Group => Some("group"),
        ChatType::Business => Some("business"),
    };
    let is_group = address.kind() == AddressKind::Group;
    if kind.is_some_and(|kind| is_group != (kind == "group")) {
        return Err(Error::invalid("chat.type", "must be group for a @g.us address and for no other"));
    }
    let fields = Fields::new("chat", chat.cleared, event::Chat::CLEARABLE)?;
    let change = ChatChange {
        archived: chat.archived,
        pinned: chat.pinned,
        exited: chat.exited,
        muted_until: fields.instant("muted_until", chat.muted_until)?,
        kind,
        name: fields.text("name", chat.name.filter(|name| !is_blank(name)))?,
        image: fields.picture("image", chat.image)?,
        description: fields.text("description", chat.description)?,
        invite_link: fields.text("invite_link", chat.invite_link)?,
        info_admins_only: fields.patch("info_admins_only", chat.info_admins_only),
        messages_admins_only: fields.patch("messages_admins_only", chat.messages_admins_only),
        add_members_admins_only: fields.patch("add_members_admins_only", chat.add_members_admins_only),
        member_add_mode: fields.text("member_add_mode", chat.member_add_mode)?,
        created_at: fields.instant("created_at", chat.created_at)?,
        updated_at: instant("chat.updatedAt", chat.updated_at)?,
        members: chat.members.map(|list| parse_members(list.members)).transpose()?,
    };
    Ok(Change::Chat { chat: address, change: Box::new(change) })
}

fn parse_members(list: Vec<event::Member>) -> Result<Vec<Member>> {
    if list.len() > MAX_MEMBERS {
        return Err(Error::invalid("chat.members", format_args!("must have at most {MAX_MEMBERS} items")));
    }
    let mut seen = BTreeSet::new();
    let mut members = Vec::with_capacity(list.len());
    for (index, event::Member { id, is_admin, is_super_admin }) in list.into_iter().enumerate() {
        let field = format!("chat.members[{index}].id");
        let contact = person(&field, &id)?;
        if !seen.insert(contact.clone()) {
            return Err(Error::invalid(field, "must not occur twice"));
        }
        members.push(Member { contact, is_admin, is_super_admin });
    }
    Ok(members)
}

fn parse_member_change(change: &event::MemberChange) -> Result<Change> {
    let problem = "must be a group, <id>@g.us";
    let chat = address_of("memberChange.chat", &change.chat, AddressKind::Group, problem)?;
    let at = required("memberChange.at", change.at)?;
    let lists = [
        ("added", &change.added, Membership::Member),
        ("removed", &change.removed, Membership::No),
        ("promoted", &change.promoted, Membership::Admin),
        ("demoted", &change.demoted, Membership::Member),
    ];
    if lists.iter().map(|(_, list, _)| list.len()).sum::<usize>() > MAX_MEMBERS {
        let problem = format_args!("must have at most {MAX_MEMBERS} members in all lists");
        return Err(Error::invalid("memberChange", problem));
    }
    let mut changes = Vec::new();
    for (name, list, membership) in lists {
        for (index, id) in list.iter().enumerate() {
            let contact = person(&format!("memberChange.{name}[{index}]"), id)?;
            changes.push(MemberChange { contact, membership, at });
        }
    }
    Ok(Change::Members { chat, changes })
}

fn parse_read(read: &event::Read) -> Result<Change> {
    let up_to = required("read.upTo", read.up_to)?;
    // A read mark never moves back: one far ahead would hide all messages to come.
    if up_to > Instant::now().later_by(MAX_CLOCK_SKEW) {
        return Err(Error::invalid("read.upTo", "must be at most a day ahead"));
    }
    Ok(Change::Read { chat: address("read.chat", &read.chat)?, up_to })
}

fn parse_unread(unread: &event::Unread) -> Result<Change> {
    let count = unread.count.unwrap_or(1);
    if count < 0 {
        return Err(Error::invalid("unread.count", "must be 0 or more"));
    }
    Ok(Change::Unread { chat: address("unread.chat", &unread.chat)?, count })
}

fn parse_link(link: &event::Address) -> Result<Change> {
    let phone = ("address.jid", &link.jid, AddressKind::Person, "must be the address of a phone number");
    let lid = ("address.lid", &link.lid, AddressKind::Lid, "must be <digits>@lid");
    let user_id = ("address.userId", &link.user_id, AddressKind::UserId, "must be <country>.<id>");
    // Of the three, one may be left out.
    let named = [phone, lid, user_id].into_iter().filter(|(_, text, ..)| !text.is_empty()).count();
    let is_required = |kind| named < 2 && kind != AddressKind::UserId;
    let addresses = [phone, lid, user_id]
        .into_iter()
        .filter(|(_, text, kind, _)| !text.is_empty() || is_required(*kind))
        .map(|(field, text, kind, problem)| address_of(field, text, kind, problem));
    Ok(Change::Link(Link { addresses: addresses.collect::<Result<_>>()?, is_alias: false }))
}

fn parse_alias(alias: &event::Alias) -> Result<Change> {
    let same_as = person("alias.sameAs", &alias.same_as)?;
    let problem = "must be an address of the same kind as alias.sameAs";
    let jid = address_of("alias.jid", &alias.jid, same_as.kind(), problem)?;
    Ok(Change::Link(Link { addresses: vec![same_as, jid], is_alias: true }))
}

fn parse_status(status: &event::Status) -> Result<Change> {
    let at = required("status.at", status.at)?;
    let status = connection_status::name(status.status).ok_or_else(|| {
        Error::invalid("status.status", format_args!("must be {}", connection_status::EXPECTED))
    })?;
    Ok(Change::Status(StatusChange { status, at }))
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;
    use crate::patch::Patch;

    fn contact(cleared: &str) -> Result<Change> {
        parse_contact(event::Contact {
            id: "15550101001@c.us".to_owned(),
            image: Some("https://i".to_owned()),
            cleared: Some(FieldMask { paths: vec![cleared.to_owned()] }),
            ..event::Contact::default()
        })
    }

    #[test]
    fn cleared_fields_differ_from_absent_ones() {
        let Ok(Change::Contact { contact: ContactChange { name, image, color, .. }, .. }) = contact("name")
        else {
            panic!("not a contact")
        };
        assert_eq!((name, image, color), (Patch::Clear, Patch::Set("https://i".to_owned()), Patch::Keep));
        let error = contact("id").err().unwrap();
        assert_eq!(error.fields()[0].field, "contact.cleared");
    }
}
