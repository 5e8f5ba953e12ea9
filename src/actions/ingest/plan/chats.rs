//! Plans what all sessions share of a chat, and its members.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::context::Context;
use super::members;
use crate::actions::ingest::change::{Change, ChatChange};
use crate::error::Error;
use crate::ids::{AddressKind, ChatAddress};
use crate::store::ingest::{self as rows, Changed, Chat};
use crate::store::{StoreResult, Transaction};

/// The chats of a batch, by every address that it names.
pub(super) struct Chats {
    keys: HashMap<ChatAddress, i64>,
    created: BTreeSet<i64>,
}

impl Chats {
    /// The chat of an address of the batch.
    pub(super) fn key(&self, address: &ChatAddress) -> StoreResult<i64> {
        let key = self.keys.get(address).copied();
        Ok(key.ok_or_else(|| Error::internal("an address of the batch was not looked up"))?)
    }
}

/// The existing chats, by the addresses that the batch names.
pub(super) fn find(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
) -> StoreResult<HashMap<ChatAddress, i64>> {
    let named: BTreeSet<&ChatAddress> =
        context.changes.iter().filter_map(|(_, change)| change.chat()).collect();
    look_up(tx, context, &named)
}

fn look_up(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    named: &BTreeSet<&ChatAddress>,
) -> StoreResult<HashMap<ChatAddress, i64>> {
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let addresses: BTreeSet<&ChatAddress> = named.iter().map(|address| context.canonical(address)).collect();
    let addresses: Vec<&ChatAddress> = addresses.into_iter().collect();
    let found = rows::chats_by_address(tx, context.org, &addresses)?;
    let key = |address: &&ChatAddress| Some(((*address).clone(), *found.get(context.canonical(address))?));
    Ok(named.iter().filter_map(key).collect())
}

/// Creates the chats that do not exist.
pub(super) fn create_missing(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    found: HashMap<ChatAddress, i64>,
) -> StoreResult<Chats> {
    let named = context.changes.iter().filter_map(|(_, change)| change.chat());
    let missing: BTreeSet<&ChatAddress> = named.filter(|chat| !found.contains_key(*chat)).collect();
    if missing.is_empty() {
        return Ok(Chats { keys: found, created: BTreeSet::new() });
    }
    let new: BTreeSet<&ChatAddress> = missing.iter().map(|address| context.canonical(address)).collect();
    let with_kind = new.iter().map(|address| match address.kind() {
        AddressKind::Group => (*address, "group"),
        AddressKind::Person | AddressKind::Lid => (*address, "user"),
    });
    rows::create_chats(tx, context.org, &with_kind.collect::<Vec<_>>())?;
    let by_phone: Vec<&ChatAddress> =
        new.into_iter().filter(|address| address.kind() == AddressKind::Person).collect();
    if !by_phone.is_empty() {
        rows::add_lid_addresses(tx, context.org, &by_phone)?;
    }
    // Another transaction may have created some of them at the same moment; either way they exist now.
    let created = look_up(tx, context, &missing)?;
    let created_keys = created.values().copied().collect();
    Ok(Chats { keys: found.into_iter().chain(created).collect(), created: created_keys })
}

/// Writes what all sessions share of the chats, and their members.
pub(super) fn write(tx: &mut Transaction<'_>, context: &Context<'_>, chats: &Chats) -> StoreResult<()> {
    let mut changes: BTreeMap<i64, Vec<&ChatChange>> = BTreeMap::new();
    for (_, change) in &context.changes {
        if let Change::Chat { chat, change } = change {
            changes.entry(chats.key(chat)?).or_default().push(change);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }

    let keys: Vec<i64> = changes.keys().copied().collect();
    let stored = rows::lock_chats(tx, context.org, &keys)?;
    let lists = changes.iter().filter_map(|(key, changes)| {
        let members = changes.iter().rev().find_map(|change| change.members.as_deref());
        Some((*key, members?))
    });
    let with_other_members = members::replace(tx, context, &lists.collect())?;
    let mut changed = Vec::new();
    for before in stored {
        let Some(changes) = changes.get(&before.chat_key) else { continue };
        let mut chat = before.clone();
        changes.iter().for_each(|change| apply(&mut chat, change));
        let is_changed = chat != before
            || with_other_members.contains(&chat.chat_key)
            || chats.created.contains(&chat.chat_key);
        let given = changes.iter().rev().find_map(|change| change.updated_at);
        chat.updated_at = context.updated_at(chat.updated_at, given, is_changed);
        changed.extend(Changed::new(before, chat));
    }
    if changed.is_empty() { Ok(()) } else { rows::update_chats(tx, &changed) }
}

fn apply(chat: &mut Chat, change: &ChatChange) {
    if let Some(kind) = change.kind {
        chat.kind = kind.to_owned();
    }
    change.name.apply(&mut chat.name);
    change.image.apply(&mut chat.image);
    change.description.apply(&mut chat.description);
    change.invite_link.apply(&mut chat.invite_link);
    change.info_admins_only.apply(&mut chat.info_admins_only);
    change.messages_admins_only.apply(&mut chat.messages_admins_only);
    change.add_members_admins_only.apply(&mut chat.add_members_admins_only);
    change.member_add_mode.apply(&mut chat.member_add_mode);
    change.created_at.apply(&mut chat.created_at);
}
