//! Moves messages and what waits for them when addresses are joined, and changes what messages quote.

use std::collections::{BTreeMap, BTreeSet};

use super::message_events::record_edit;
use super::message_rows::{self, states};
use super::session_chats;
use super::waiting::{Target, Waiting, target, update};
use crate::actions::ingest::message_state::MessageState;
use crate::ids::ChatAddress;
use crate::store::events::FieldChanges;
use crate::store::ingest::{self as rows, Latest, MessageId, MessageKey, SessionChatKey};
use crate::store::{StoreResult, Transaction, media};

/// Moves the messages of removed chats to the chats that replace them, the values of `into`.
pub(crate) fn move_messages(
    tx: &mut Transaction<'_>,
    removed: &[SessionChatKey],
    into: &BTreeMap<i64, i64>,
) -> StoreResult<()> {
    let org = tx.org();
    if removed.is_empty() {
        return Ok(());
    }
    let kept = |key: SessionChatKey| SessionChatKey { chat_key: into[&key.chat_key], ..key };
    let moves: Vec<(SessionChatKey, i64)> = removed.iter().map(|key| (*key, kept(*key).chat_key)).collect();
    media::move_chats(tx, org, &moves)?;
    let duplicates = rows::duplicate_messages(tx, org, removed)?;
    merge_duplicates(tx, &duplicates, |key| key.chat = kept(key.chat))?;
    rows::move_messages(tx, org, &moves)
}

/// Gives the messages of authors their new addresses; each author occurs once.
pub(crate) fn rename_authors(
    tx: &mut Transaction<'_>,
    renamed: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    let org = tx.org();
    media::rename_authors(tx, org, renamed)?;
    let duplicates = rows::duplicates_by_author(tx, org, renamed)?;
    let persons: BTreeMap<&str, &str> =
        renamed.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let chats: BTreeSet<SessionChatKey> = duplicates.iter().map(|key| key.chat).collect();
    merge_duplicates(tx, &duplicates, |key| key.author = persons[&*key.author].to_owned())?;
    rows::rename_authors(tx, org, renamed)?;
    match duplicates.is_empty() {
        true => Ok(()),
        false => session_chats::recount(tx, &chats.into_iter().collect::<Vec<_>>()),
    }
}

/// Merges messages into those that are stored under the keys that `keep` makes of theirs.
fn merge_duplicates(
    tx: &mut Transaction<'_>,
    keys: &[MessageKey],
    keep: impl Fn(&mut MessageKey),
) -> StoreResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut taken = rows::take_messages(tx, keys)?;
    taken.iter_mut().for_each(|row| keep(&mut row.key));
    let taken = states(taken)?;
    let before = stored(tx, taken.keys())?;
    let mut merged = before.clone();
    for (key, other) in taken {
        if let Some(state) = merged.get_mut(&key) {
            state.merge(other);
        }
    }
    write_edited(tx, &before, merged)
}

/// Lets these messages of a chat quote the message of that id.
pub(crate) fn set_quoted(
    tx: &mut Transaction<'_>,
    chat: SessionChatKey,
    keys: &[MessageKey],
    quoted: &str,
) -> StoreResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let org = tx.org();
    // Before they are read: their receipts wait for it, too.
    rows::lock_session_chats(tx, org, &[chat])?;
    let before = stored(tx, keys.iter())?;
    let mut after = before.clone();
    for (_, state) in after.iter_mut().filter(|(key, _)| keys.contains(key)) {
        state.details.insert("quoted_message_id".to_owned(), quoted.into());
    }
    write_edited(tx, &before, after)
}

type States = BTreeMap<MessageKey, MessageState>;

/// The stored messages with the ids of these keys.
fn stored<'k>(tx: &mut Transaction<'_>, keys: impl Iterator<Item = &'k MessageKey>) -> StoreResult<States> {
    let ids: BTreeSet<MessageId> = keys.map(|key| (key.chat, key.id.clone())).collect();
    let org = tx.org();
    states(rows::messages_by_id(tx, org, &ids.iter().collect::<Vec<_>>())?)
}

/// Moves what waits at the first address of each pair to the second one.
///
/// What need not wait any more is applied.
pub(crate) fn move_waiting(
    tx: &mut Transaction<'_>,
    moved: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    let org = tx.org();
    let to: BTreeMap<&str, &ChatAddress> = moved.iter().map(|(from, to)| (from.as_str(), *to)).collect();
    let from: Vec<&ChatAddress> = moved.iter().map(|(from, _)| *from).collect();
    let mut taken = rows::take_waiting_at(tx, org, &from)?;
    // Also those of the second addresses: the messages of the first ones have these authors now.
    let senders: Vec<&ChatAddress> = moved.iter().flat_map(|(from, to)| [*from, *to]).collect();
    taken.extend(rows::take_waiting_by_sender(tx, org, &senders)?);
    let mut addresses: BTreeSet<ChatAddress> = to.values().map(|to| (*to).clone()).collect();
    let mut waiting = Waiting::default();
    for mut row in taken {
        if let Some(address) = to.get(row.awaited.address.as_str()) {
            row.awaited.address = (*address).clone();
        }
        if let Some(sender) = to.get(row.sender.as_str()) {
            row.sender = sender.to_string();
        }
        addresses.insert(row.awaited.address.clone());
        waiting.add(row);
    }
    waiting.write(tx)?;
    apply_arrived(tx, &addresses.iter().collect::<Vec<_>>())
}

/// Applies the updates at these addresses whose message or chat is stored.
fn apply_arrived(tx: &mut Transaction<'_>, addresses: &[&ChatAddress]) -> StoreResult<()> {
    let org = tx.org();
    let arrived: BTreeMap<_, MessageId> = rows::arrived(tx, org, addresses)?.into_iter().collect();
    if arrived.is_empty() {
        return Ok(());
    }
    let ids: Vec<&MessageId> = arrived.values().filter(|(_, id)| !id.is_empty()).collect();
    let before = states(rows::messages_by_id(tx, org, &ids)?)?;
    let (mut messages, mut chats, mut waiting) = (before.clone(), Vec::new(), Waiting::default());
    for row in rows::take_waiting(tx, org, &arrived.keys().cloned().collect::<Vec<_>>())? {
        let (chat, id) = &arrived[&row.awaited];
        if id.is_empty() {
            chats.push((*chat, row));
            continue;
        }
        let update = update(&row);
        let stored = messages.keys().filter(|key| (&key.chat, &key.id) == (chat, id));
        match target(stored, &row.sender, &update) {
            Target::None | Target::Several => waiting.add(row),
            Target::One(key) => {
                if let Some(message) = messages.get_mut(&key) {
                    message.apply(&update);
                }
            }
        }
    }
    waiting.write(tx)?;
    write_edited(tx, &before, messages)?;
    if chats.is_empty() { Ok(()) } else { session_chats::apply_waiting(tx, &chats) }
}

/// Writes edited messages, and records what changed.
fn write_edited(tx: &mut Transaction<'_>, before: &States, mut after: States) -> StoreResult<()> {
    let org = tx.org();
    after.retain(|key, state| before[key] != *state);
    if after.is_empty() {
        return Ok(());
    }
    let chats: BTreeSet<SessionChatKey> = after.keys().map(|key| key.chat).collect();
    let chats = rows::lock_session_chats(tx, org, &chats.into_iter().collect::<Vec<_>>())?;
    let latest: BTreeMap<SessionChatKey, Latest> =
        chats.into_iter().filter_map(|chat| Some((chat.key, chat.latest?))).collect();
    for (key, state) in &after {
        let latest = latest.get(&key.chat);
        let is_latest = latest.is_some_and(|latest| (&latest.id, latest.sent_at) == (&key.id, state.sent_at));
        record_edit(tx, key, is_latest, FieldChanges::default(), (&before[key], state));
    }
    message_rows::write(tx, after.into_iter().collect(), &[])?;
    Ok(())
}
