//! Moves messages and pending receipts when two chats are merged.

use std::collections::{BTreeMap, BTreeSet};

use super::message_events::record_edit;
use super::message_rows::{from_pending, states, to_rows};
use crate::actions::ingest::message_state::MessageState;
use crate::store::events::FieldChanges;
use crate::store::ingest::{self as rows, MessageKey, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// Moves the messages and pending receipts of removed chats to the chats that replace them, the values of `into`.
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
    merge_duplicates(tx, removed, kept)?;
    let moves: Vec<(SessionChatKey, i64)> = removed.iter().map(|key| (*key, kept(*key).chat_key)).collect();
    rows::move_messages(tx, org, &moves)?;
    let mut receipts = rows::take_receipts_of_chats(tx, org, removed)?;
    if !receipts.is_empty() {
        for receipt in &mut receipts {
            receipt.message.chat = kept(receipt.message.chat);
        }
        rows::add_pending_receipts(tx, org, &receipts)?;
    }
    // Those of the kept chats, too: their messages may have moved.
    apply_pending_receipts(tx, &removed.iter().copied().map(kept).collect::<Vec<_>>())
}

/// Merges the messages that both chats have.
fn merge_duplicates(
    tx: &mut Transaction<'_>,
    removed: &[SessionChatKey],
    kept: impl Fn(SessionChatKey) -> SessionChatKey,
) -> StoreResult<()> {
    let org = tx.org();
    let keys = rows::duplicate_messages(tx, org, removed)?;
    if keys.is_empty() {
        return Ok(());
    }
    let mut taken = rows::take_messages(tx, &keys)?;
    for row in &mut taken {
        row.key.chat = kept(row.key.chat);
    }
    let taken = states(taken)?;
    let stored = rows::messages_by_key(tx, org, &taken.keys().collect::<Vec<_>>())?;
    let before = states(stored)?;
    let mut merged = before.clone();
    for (key, other) in taken {
        if let Some(state) = merged.get_mut(&key) {
            state.merge(other);
        }
    }
    write_edited(tx, &before, merged)
}

/// Applies pending receipts whose messages are stored in these chats.
fn apply_pending_receipts(tx: &mut Transaction<'_>, chats: &[SessionChatKey]) -> StoreResult<()> {
    let org = tx.org();
    let keys = rows::messages_with_pending_receipts(tx, org, chats)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&MessageKey> = keys.iter().collect();
    let before = states(rows::messages_by_key(tx, org, &keys)?)?;
    let mut messages = before.clone();
    for pending in rows::take_pending_receipts(tx, org, &keys)? {
        if let Some(message) = messages.get_mut(&pending.message) {
            message.apply(&from_pending(pending));
        }
    }
    write_edited(tx, &before, messages)
}

/// Writes edited messages, and records what changed.
fn write_edited(
    tx: &mut Transaction<'_>,
    before: &BTreeMap<MessageKey, MessageState>,
    after: BTreeMap<MessageKey, MessageState>,
) -> StoreResult<()> {
    let org = tx.org();
    let chats: BTreeSet<SessionChatKey> = after.keys().map(|key| key.chat).collect();
    let chats = rows::lock_session_chats(tx, org, &chats.into_iter().collect::<Vec<_>>())?;
    let latest: BTreeSet<MessageKey> = chats
        .into_iter()
        .filter_map(|chat| Some(MessageKey { chat: chat.key, id: chat.latest?.id }))
        .collect();
    for (key, state) in &after {
        record_edit(tx, key, latest.contains(key), FieldChanges::default(), (&before[key], state));
    }
    rows::write_messages(tx, &to_rows(after)?, &[])?;
    Ok(())
}
