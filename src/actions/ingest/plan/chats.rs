//! Plans what all sessions share of a chat, and its members.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::context::Context;
use super::members;
use super::versions::Reported;
use crate::actions::ingest::change::{Change, ChatChange};
use crate::caller::Claimant;
use crate::ids::{AddressKind, ChatAddress, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Changed, Chat};
use crate::store::{StoreResult, Transaction};

/// The chats of a batch, by every address that it names.
pub(super) struct Chats {
    keys: HashMap<ChatAddress, i64>,
    /// Those that the batch creates, until an event says when they last changed.
    undated: BTreeSet<i64>,
}

impl Chats {
    /// The chat of an address of the batch, if it exists.
    pub(super) fn find(&self, address: &ChatAddress) -> Option<i64> {
        self.keys.get(address).copied()
    }

    /// When what all sessions share of a chat last changed, with the newest event that reports something of it.
    ///
    /// An older version of one field does not undo that another changed later, nor does an event that changes nothing.
    pub(super) fn updated_at(
        &mut self,
        (chat_key, stored): (i64, Instant),
        newest: Reported,
        is_changed: bool,
    ) -> Instant {
        if self.undated.remove(&chat_key) {
            newest.at
        } else if is_changed || newest.is_given {
            stored.max(newest.at)
        } else {
            stored
        }
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
    let mut keys: HashMap<_, _> = named.iter().filter_map(key).collect();
    keys.extend(found);
    Ok(keys)
}

/// Creates the chats that do not exist.
pub(super) fn create_missing(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    found: HashMap<ChatAddress, i64>,
) -> StoreResult<Chats> {
    let named = context.changes.iter().filter_map(|(_, change)| change.created_chat());
    let missing: BTreeSet<&ChatAddress> = named.filter(|chat| !found.contains_key(*chat)).collect();
    if missing.is_empty() {
        return Ok(Chats { keys: found, undated: BTreeSet::new() });
    }
    let new: BTreeSet<&ChatAddress> = missing.iter().map(|address| context.canonical(address)).collect();
    let with_kind = new.iter().map(|address| match address.kind() {
        AddressKind::Group => (*address, "group"),
        AddressKind::Person | AddressKind::Lid | AddressKind::UserId => (*address, "user"),
    });
    rows::create_chats(tx, context.org, &with_kind.collect::<Vec<_>>())?;
    let persons: Vec<&ChatAddress> =
        new.into_iter().filter(|address| address.kind() != AddressKind::Group).collect();
    if !persons.is_empty() {
        rows::add_linked_addresses(tx, context.org, &persons)?;
    }
    // Another transaction may have created some of them at the same moment; either way they exist now.
    let named = context.changes.iter().filter_map(|(_, change)| change.chat());
    let named: BTreeSet<&ChatAddress> = named.filter(|chat| !found.contains_key(*chat)).collect();
    let known = look_up(tx, context, &named)?;
    let undated = missing.iter().filter_map(|chat| known.get(*chat).copied()).collect();
    Ok(Chats { keys: found.into_iter().chain(known).collect(), undated })
}

/// Writes what all sessions share of the chats, and their members. The key's sessions change nothing of chats that it claims.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    chats: &mut Chats,
    (claimant, claimed): (Option<&Claimant>, &BTreeSet<ChatAddress>),
) -> StoreResult<()> {
    let claimed: BTreeSet<i64> = claimed.iter().filter_map(|chat| chats.find(chat)).collect();
    let is_claim = |session: &SessionId, chat_key: i64| {
        claimed.contains(&chat_key) && claimant.is_some_and(|claimant| claimant.sessions.contains(session))
    };
    let mut changes: BTreeMap<i64, Vec<(Reported, &Change)>> = BTreeMap::new();
    for (place, (session, change)) in context.changes.iter().enumerate() {
        let (chat, given) = if let Change::Chat { chat, change } = change {
            (chat, change.updated_at)
        } else if let Change::Members { chat, changes } = change {
            (chat, changes.first().map(|change| change.at))
        } else {
            continue;
        };
        let Some(chat_key) = chats.find(chat).filter(|key| !is_claim(session, *key)) else { continue };
        let reported = context.reported(given, place);
        changes.entry(chat_key).or_default().push((reported, *change));
    }
    if changes.is_empty() {
        return Ok(());
    }

    let keys: Vec<i64> = changes.keys().copied().collect();
    let stored = rows::lock_chats(tx, context.org, &keys)?;
    let mut chats_after: BTreeMap<i64, Chat> =
        stored.iter().map(|chat| (chat.chat_key, chat.clone())).collect();
    let with_other_members = members::write(tx, context, &changes, &mut chats_after)?;
    let mut changed = Vec::new();
    for before in stored {
        let key = before.chat_key;
        let (Some(changes), Some(mut chat)) = (changes.get(&key), chats_after.remove(&key)) else { continue };
        for (reported, change) in changes {
            if let Change::Chat { change, .. } = change {
                apply(&mut chat, *reported, change);
            }
        }
        let is_changed = with_other_members.contains(&key) || differs(&chat, &before);
        if let Some(newest) = newest(changes) {
            chat.updated_at = chats.updated_at((key, chat.updated_at), newest, is_changed);
        }
        changed.extend(Changed::new(before, chat));
    }
    if changed.is_empty() { Ok(()) } else { rows::update_chats(tx, &changed) }
}

/// The newest event that reports what all sessions share of the chat.
fn newest(changes: &[(Reported, &Change)]) -> Option<Reported> {
    let has_only_flags =
        |change: &Change| matches!(change, Change::Chat { change, .. } if change.has_only_flags());
    let of_shared = changes.iter().filter(|(_, change)| !has_only_flags(change));
    of_shared.map(|(reported, _)| *reported).max_by_key(|reported| reported.at)
}

/// Whether anything differs but when it was reported.
fn differs(one: &Chat, other: &Chat) -> bool {
    let times = |chat: &Chat| (chat.field_times.clone(), chat.member_times.clone());
    let (field_times, member_times) = times(other);
    Chat { field_times, member_times, ..one.clone() } != *other
}

fn apply(chat: &mut Chat, reported: Reported, change: &ChatChange) {
    let times = &mut chat.field_times.0;
    reported.merge_value(times, "type", &mut chat.kind, change.kind.map(str::to_owned));
    reported.merge(times, "name", &mut chat.name, &change.name);
    reported.merge(times, "image", &mut chat.image, &change.image);
    reported.merge(times, "description", &mut chat.description, &change.description);
    reported.merge(times, "invite_link", &mut chat.invite_link, &change.invite_link);
    reported.merge(times, "info_admins_only", &mut chat.info_admins_only, &change.info_admins_only);
    reported.merge(
        times,
        "messages_admins_only",
        &mut chat.messages_admins_only,
        &change.messages_admins_only,
    );
    reported.merge(
        times,
        "add_members_admins_only",
        &mut chat.add_members_admins_only,
        &change.add_members_admins_only,
    );
    reported.merge(times, "member_add_mode", &mut chat.member_add_mode, &change.member_add_mode);
    reported.merge(times, "created_at", &mut chat.created_at, &change.created_at);
}
