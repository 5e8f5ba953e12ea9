//! Maps groups: WAHA's own events of them, and the objects of each engine.

use prost_types::FieldMask;
use serde_json::Value;

use super::context::{Context, address, link, push};
use super::fields::{as_address, chat, flag, instant, text};
use crate::connect::gateway::{FollowUp, Lookup, Mapped};
use crate::ids::{AddressKind, ChatAddress};
use crate::instant::Instant;
use crate::pb::ingest_event::{Chat, ChatType, Event, Member, MemberChange, Members};

/// Lists of more members are left out: ingest rejects them.
const MAX_MEMBERS: usize = 4096;

/// The session joined a group. Its object in this event has settings that are wrong in some versions, so it is asked for.
pub(super) fn joined(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let group = &payload["group"];
    let Some(mut chat) = of_event(context, payload)? else { return Ok(()) };
    mapped.follow_ups.push(FollowUp::Lookup(Lookup::Group(chat.jid.clone())));
    chat.name = text(group, &["/subject"]);
    chat.exited = Some(false);
    push(mapped, Event::Chat(chat));
    Ok(())
}

/// The session left a group, or was removed.
pub(super) fn left(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(mut chat) = of_event(context, payload)? else { return Ok(()) };
    chat.exited = Some(true);
    push(mapped, Event::Chat(chat));
    Ok(())
}

/// Name, description or settings of a group changed; those that did not are absent.
pub(super) fn updated(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let group = &payload["group"];
    let Some(mut chat) = of_event(context, payload)? else { return Ok(()) };
    chat.name = text(group, &["/subject"]);
    describe(&mut chat, group, &["/description"]);
    chat.invite_link = text(group, &["/invite"]);
    let setting = |name: &str| group.get(name).and_then(Value::as_bool).map(|may| !may);
    chat.messages_admins_only = setting("membersCanSendMessages");
    chat.add_members_admins_only = setting("membersCanAddNewMember");
    push(mapped, Event::Chat(chat));
    Ok(())
}

/// Members joined or left, or became or ceased to be admins.
pub(super) fn participants(context: &Context, payload: &Value, mapped: &mut Mapped) -> Result<(), String> {
    let Some(chat) = of_event(context, payload)? else { return Ok(()) };
    let list = payload["participants"].as_array().ok_or("payload.participants: must be a list")?;
    let persons: Vec<ChatAddress> =
        list.iter().filter_map(|it| member(it, mapped)).map(|(it, _)| it).collect();
    let is_of_us = persons.iter().any(|person| context.is_own(person));
    let ids = persons.iter().map(ToString::to_string).collect();
    let at = context.changed_at(payload);
    let mut change = MemberChange { chat: chat.jid.clone(), at: Some(at.into()), ..MemberChange::default() };
    let kind = text(payload, &["/type"]).unwrap_or_default();
    let ids_of_kind = match kind.as_str() {
        "join" => &mut change.added,
        "leave" => &mut change.removed,
        "promote" => &mut change.promoted,
        "demote" => &mut change.demoted,
        _ => return Err("payload.type: must be join, leave, promote or demote".to_owned()),
    };
    *ids_of_kind = ids;
    push(mapped, Event::MemberChange(change));
    if is_of_us && matches!(kind.as_str(), "join" | "leave") {
        push(mapped, Event::Chat(Chat { exited: Some(kind == "leave"), ..chat }));
    }
    Ok(())
}

fn of_event(context: &Context, payload: &Value) -> Result<Option<Chat>, String> {
    let id = text(payload, &["/group/id", "/group"]).ok_or("payload.group.id: must be a group")?;
    Ok(chat("payload.group.id", &id)?.map(|chat| versioned(&chat, context.changed_at(payload))))
}

fn versioned(chat: &ChatAddress, at: Instant) -> Chat {
    let kind = ChatType::Group.into();
    Chat { jid: chat.to_string(), r#type: kind, updated_at: Some(at.into()), ..Chat::default() }
}

/// Maps the object of a group, in the form of any engine, with a list of members if it has one.
pub(super) fn map(context: &Context, group: &Value, members: Option<&Value>, mapped: &mut Mapped) {
    let id = ["id", "JID"].into_iter().find_map(|name| address(group, name));
    let Some(id) = id.filter(|id| id.kind() == AddressKind::Group) else { return };
    let meta = group.get("groupMetadata").filter(|meta| meta.is_object()).unwrap_or(group);
    let mut chat = versioned(&id, context.at);
    chat.name = text(meta, &["/subject", "/Name", "/name"]).or_else(|| text(group, &["/name"]));
    describe(&mut chat, meta, &["/desc", "/description", "/Topic"]);
    chat.created_at = instant(meta, &["/creation", "/GroupCreated"]).map(Into::into);
    chat.info_admins_only = setting(meta, &["restrict", "IsLocked"]);
    chat.messages_admins_only = setting(meta, &["announce", "IsAnnounce"]);
    chat.member_add_mode = text(meta, &["/memberAddMode", "/MemberAddMode"]);
    chat.add_members_admins_only = match &chat.member_add_mode {
        Some(mode) => Some(mode == "admin_add"),
        None => setting(meta, &["memberAddMode"]).map(|may| !may),
    };
    let members = members.or_else(|| meta.get("participants").or_else(|| meta.get("Participants")));
    if let Some(Value::Array(list)) =
        members.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
    {
        let mut members: Vec<Member> = Vec::with_capacity(list.len());
        let mut is_member = false;
        for (person, role) in list.iter().filter_map(|it| member(it, mapped)) {
            let id = person.to_string();
            is_member |= context.is_own(&person);
            if !members.iter().any(|known| known.id == id) {
                members.push(Member {
                    id,
                    is_admin: role > Role::Participant,
                    is_super_admin: role == Role::Owner,
                });
            }
        }
        // That the session is no member is not known: its address may be listed in a spelling that is not its own.
        chat.exited = is_member.then_some(false);
        chat.members = (members.len() <= MAX_MEMBERS).then_some(Members { members });
    }
    push(mapped, Event::Chat(chat));
}

/// Sets the description: the first that is not empty. One that is empty was removed.
fn describe(chat: &mut Chat, group: &Value, pointers: &[&str]) {
    chat.description = text(group, pointers);
    let is_given = || pointers.iter().any(|pointer| group.pointer(pointer).is_some_and(Value::is_string));
    if chat.description.is_none() && is_given() {
        chat.cleared = Some(FieldMask { paths: vec!["description".to_owned()] });
    }
}

fn setting(meta: &Value, names: &[&str]) -> Option<bool> {
    names.iter().find_map(|name| meta.get(*name)?.as_bool())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Participant,
    Admin,
    Owner,
}

/// A member by phone number if it is known. Who has left is none.
fn member(value: &Value, mapped: &mut Mapped) -> Option<(ChatAddress, Role)> {
    let id = as_address(value).or_else(|| ["id", "JID"].into_iter().find_map(|name| address(value, name)))?;
    let phone = ["pn", "phoneNumber", "PhoneNumber"].into_iter().find_map(|name| address(value, name));
    let lid = ["lid", "LID"].into_iter().find_map(|name| address(value, name));
    for other in phone.iter().chain(&lid) {
        link(mapped, &id, other);
    }
    let role = text(value, &["/role", "/admin"]).unwrap_or_default();
    let role = match role.as_str() {
        _ if flag(value, &["/isSuperAdmin", "/IsSuperAdmin"]) => Role::Owner,
        "superadmin" => Role::Owner,
        _ if flag(value, &["/isAdmin", "/IsAdmin"]) => Role::Admin,
        "admin" => Role::Admin,
        _ => Role::Participant,
    };
    Some((phone.filter(|phone| phone.kind() == AddressKind::Person).unwrap_or(id), role))
}
