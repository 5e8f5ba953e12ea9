//! What connectors know of chats, as far as all numbers share it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::{Change, Member};
use super::contacts::set;
use super::event::{ChatEvent, ChatKind};
use super::members;
use super::persons::Persons;
use crate::error::Error;
use crate::ids::{AddressKind, ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Chat};
use crate::store::{Connection, StoreResult};

/// The chats of a batch, by every address it uses.
pub(super) struct Chats {
    keys: HashMap<ChatAddress, i64>,
    /// Those that did not exist before.
    created: BTreeSet<i64>,
}

impl Chats {
    /// The chat behind an address of the batch.
    pub(super) fn key(&self, address: &ChatAddress) -> StoreResult<i64> {
        let key = self.keys.get(address).copied();
        Ok(key.ok_or_else(|| Error::internal("an address of the batch was not looked up"))?)
    }
}

/// The chats that exist.
pub(super) fn find(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    persons: &Persons,
) -> StoreResult<HashMap<ChatAddress, i64>> {
    let told: BTreeSet<&ChatAddress> = changes.iter().filter_map(|(_, change)| change.chat()).collect();
    if told.is_empty() {
        return Ok(HashMap::new());
    }
    look_up(connection, org, &told, persons)
}

/// The chats behind these addresses, by the spelling that was told.
fn look_up(
    connection: &mut Connection,
    org: OrgId,
    told: &BTreeSet<&ChatAddress>,
    persons: &Persons,
) -> StoreResult<HashMap<ChatAddress, i64>> {
    let addresses: BTreeSet<&ChatAddress> = told.iter().map(|address| persons.known_as(address)).collect();
    let found = rows::chats_by_address(connection, org, &addresses.into_iter().collect::<Vec<_>>())?;
    let key = |address: &&ChatAddress| Some(((*address).clone(), *found.get(persons.known_as(address))?));
    Ok(told.iter().filter_map(key).collect())
}

/// Creates those that do not.
pub(super) fn create_missing(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    found: HashMap<ChatAddress, i64>,
    persons: &Persons,
) -> StoreResult<Chats> {
    let told = changes.iter().filter_map(|(_, change)| change.chat());
    let missing: BTreeSet<&ChatAddress> = told.filter(|chat| !found.contains_key(*chat)).collect();
    if missing.is_empty() {
        return Ok(Chats { keys: found, created: BTreeSet::new() });
    }
    let new: BTreeSet<&ChatAddress> = missing.iter().map(|address| persons.known_as(address)).collect();
    let with_kind = |address: &&'_ ChatAddress| match address.kind() {
        AddressKind::Group => "group",
        AddressKind::Person | AddressKind::Lid => "user",
    };
    let rows_to_create: Vec<(&ChatAddress, &'static str)> =
        new.iter().map(|address| (*address, with_kind(address))).collect();
    rows::create_chats(connection, org, &rows_to_create)?;
    let by_phone: Vec<&ChatAddress> =
        new.into_iter().filter(|address| address.kind() == AddressKind::Person).collect();
    if !by_phone.is_empty() {
        rows::add_lid_addresses(connection, org, &by_phone)?;
    }
    // Whoever created it, we or another batch at the same moment, it is there now.
    let created = look_up(connection, org, &missing, persons)?;
    let mut keys = found;
    let created_keys = created.values().copied().collect();
    keys.extend(created);
    Ok(Chats { keys, created: created_keys })
}

/// What a batch tells of one chat, in the order of arrival.
#[derive(Default)]
struct Told<'a> {
    events: Vec<&'a ChatEvent>,
    members: Option<&'a [Member]>,
}

/// Writes what all numbers share, and who is in the chats.
pub(super) fn write(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    chats: &Chats,
    persons: &Persons,
    now: Instant,
) -> StoreResult<()> {
    let mut told: BTreeMap<i64, Told<'_>> = BTreeMap::new();
    for (_, change) in changes {
        if let Change::Chat { chat, event, members } = change {
            let told = told.entry(chats.key(chat)?).or_default();
            told.events.push(event);
            told.members = members.as_deref().or(told.members);
        }
    }
    if told.is_empty() {
        return Ok(());
    }

    let stored = rows::lock_chats(connection, org, &told.keys().copied().collect::<Vec<_>>())?;
    let lists = told.iter().filter_map(|(key, told)| told.members.map(|members| (*key, members))).collect();
    let moved = members::replace(connection, org, &lists, persons)?;
    let mut changed = Vec::new();
    for before in stored {
        let Some(told) = told.get(&before.chat_key) else { continue };
        let mut chat = before.clone();
        told.events.iter().for_each(|event| see(&mut chat, event));
        let said_at = told.events.iter().rev().find_map(|event| event.updated_at);
        let key = chat.chat_key;
        if chat != before || moved.contains(&key) || chats.created.contains(&key) {
            chat.updated_at = said_at.unwrap_or(now);
        } else {
            chat.updated_at = chat.updated_at.max(said_at.unwrap_or(chat.updated_at));
        }
        if chat != before {
            changed.push(chat);
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    rows::update_chats(connection, org, &changed.iter().collect::<Vec<_>>())
}

fn see(chat: &mut Chat, event: &ChatEvent) {
    if let Some(kind) = event.kind {
        chat.kind = match kind {
            ChatKind::Dm => "user",
            ChatKind::Group => "group",
            ChatKind::Business => "business",
        }
        .to_owned();
    }
    set(&mut chat.name, &event.name);
    set(&mut chat.image, &event.image);
    set(&mut chat.description, &event.description);
    set(&mut chat.invite_link, &event.invite_link);
    set(&mut chat.info_admins_only, &event.info_admins_only);
    set(&mut chat.messages_admins_only, &event.messages_admins_only);
    set(&mut chat.add_members_admins_only, &event.add_members_admins_only);
    set(&mut chat.member_add_mode, &event.member_add_mode);
    set(&mut chat.created_at, &event.created_at);
}
