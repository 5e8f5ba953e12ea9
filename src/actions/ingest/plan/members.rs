//! Plans the members of chats: a list in an event replaces the stored one, except for members who changed later.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::context::Context;
use super::versions::Reported;
use crate::actions::ingest::change::{Change, Member, MemberChange, Membership};
use crate::actions::ingest::persons::Persons;
use crate::ids::ChatAddress;
use crate::store::ingest::{self as rows, Chat};
use crate::store::{StoreResult, Transaction};

const MEMBERS: &str = "members";

/// The members of a chat.
type Members = BTreeMap<ChatAddress, rows::Member>;

/// Writes the members of these chats, which are locked, and notes in them when members changed. Returns the chats whose
/// members changed.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    changes: &BTreeMap<i64, Vec<(Reported, &Change)>>,
    chats: &mut BTreeMap<i64, Chat>,
) -> StoreResult<BTreeSet<i64>> {
    let has_members = |change: &Change| {
        let lists = matches!(change, Change::Chat { change, .. } if change.members.is_some());
        lists || matches!(change, Change::Members { .. })
    };
    let named = changes.iter().filter(|(_, changes)| changes.iter().any(|(_, change)| has_members(change)));
    let keys: Vec<i64> = named.map(|(key, _)| *key).collect();
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut times: Vec<_> = chats
        .iter_mut()
        .filter(|(key, _)| keys.contains(key))
        .map(|(_, chat)| &mut chat.member_times.0)
        .collect();
    Persons::rename(tx, context.org, &mut times)?;
    let mut stored: HashMap<i64, Members> = HashMap::new();
    for member in rows::members_of(tx, context.org, &keys)? {
        stored.entry(member.chat_key).or_default().insert(member.contact.clone(), member);
    }
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(chat) = chats.get_mut(&key) else { continue };
        let mut before = stored.remove(&key).unwrap_or_default();
        let mut members = before.clone();
        for (reported, change) in &changes[&key] {
            if let Change::Members { changes, .. } = change {
                changes.iter().for_each(|change| apply(chat, &mut members, change, context));
            } else if let Change::Chat { change, .. } = change
                && let Some(list) = &change.members
            {
                replace(chat, &mut members, *reported, &distinct(key, list, context));
            }
        }
        for (contact, member) in members {
            let before = before.remove(&contact);
            if before.as_ref() != Some(&member) {
                set.push((before, member));
            }
        }
        removed.extend(before.into_values());
    }
    let changed =
        set.iter().map(|(_, member)| member).chain(&removed).map(|member| member.chat_key).collect();
    if !removed.is_empty() {
        rows::remove_members(tx, &removed)?;
    }
    if !set.is_empty() {
        set.sort_by(|(_, one), (_, other)| {
            (&one.contact, one.chat_key).cmp(&(&other.contact, other.chat_key))
        });
        rows::set_members(tx, &set)?;
    }
    Ok(changed)
}

/// Replaces the members by a list, unless a later list is stored. Two lists of one instant are united.
fn replace(chat: &mut Chat, members: &mut Members, reported: Reported, list: &[rows::Member]) {
    let at = reported.at.micros();
    let listed_at = chat.field_times.0.get(MEMBERS).copied().unwrap_or(i64::MIN);
    let is_same =
        || list.len() == members.len() && list.iter().all(|one| members.get(&one.contact) == Some(one));
    if at < listed_at || (!reported.is_given && is_same()) {
        return;
    }
    chat.field_times.0.insert(MEMBERS.to_owned(), at);
    chat.member_times.0.retain(|_, changed_at| *changed_at >= at);
    let changed_later = |contact: &ChatAddress| chat.member_times.0.contains_key(contact.as_str());
    if at > listed_at {
        members.retain(|contact, _| changed_later(contact));
    }
    for listed in list.iter().filter(|member| !changed_later(&member.contact)) {
        let member = members.entry(listed.contact.clone()).or_insert_with(|| listed.clone());
        member.is_admin |= listed.is_admin;
        member.is_super_admin |= listed.is_super_admin;
    }
}

/// Applies the change of a member, unless a later one is stored.
fn apply(chat: &mut Chat, members: &mut Members, change: &MemberChange, context: &Context<'_>) {
    let contact = context.canonical(&change.contact);
    let stored = members.get(contact).map_or(Membership::No, |member| match member.is_admin {
        true => Membership::Admin,
        false => Membership::Member,
    });
    let listed_at = chat.field_times.0.get(MEMBERS).copied().unwrap_or(i64::MIN);
    let changed_at = chat.member_times.0.get(contact.as_str()).copied();
    let at = change.at.micros();
    if at < listed_at || changed_at.is_some_and(|known| (at, change.membership) < (known, stored)) {
        return;
    }
    chat.member_times.0.insert(contact.as_str().to_owned(), at);
    match change.membership {
        Membership::No => {
            members.remove(contact);
        }
        Membership::Member | Membership::Admin => {
            let is_admin = change.membership == Membership::Admin;
            let (chat_key, row) = (chat.chat_key, contact.clone());
            // Only lists say who created the group; a list may arrive after the change, or before.
            let member = rows::Member { chat_key, contact: row, is_admin, is_super_admin: false };
            members.insert(contact.clone(), member);
        }
    }
}

/// Each person once. Of a person listed by several addresses, an admin right of any of them counts.
fn distinct(chat_key: i64, members: &[Member], context: &Context<'_>) -> Vec<rows::Member> {
    let mut distinct: BTreeMap<&ChatAddress, rows::Member> = BTreeMap::new();
    for member in members {
        let contact = context.canonical(&member.contact);
        let row = distinct.entry(contact).or_insert_with(|| rows::Member {
            chat_key,
            contact: contact.clone(),
            is_admin: false,
            is_super_admin: false,
        });
        row.is_admin |= member.is_admin;
        row.is_super_admin |= member.is_super_admin;
    }
    distinct.into_values().collect()
}
