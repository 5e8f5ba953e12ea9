//! Plans messages, their receipts and their deletion, in whatever order they arrive.

use std::collections::BTreeMap;

use super::chats::Chats;
use super::context::Context;
use super::message_rows::{states, to_rows};
use super::session_chats::SessionChats;
use crate::actions::ingest::change::{Change, Receipt};
use crate::actions::ingest::message_state::MessageState;
use crate::ids::OrgId;
use crate::store::ingest::{self as rows, MessageKey, PendingReceipt, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// A message of the batch.
#[derive(Default)]
struct Entry<'c> {
    before: Option<MessageState>,
    now: Option<MessageState>,
    receipts: Vec<&'c Receipt>,
}

type Entries<'c> = BTreeMap<MessageKey, Entry<'c>>;

/// Writes messages with their receipts and deletions, and counts the new ones.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    chats: &Chats,
    session_chats: &mut SessionChats,
) -> StoreResult<()> {
    let mut entries = load(tx, context, chats)?;
    add_pending_receipts(tx, context.org, &mut entries)?;

    let (mut changed, mut pending) = (Vec::new(), BTreeMap::new());
    for (key, entry) in entries {
        let Some(mut now) = entry.now else {
            entry.receipts.iter().for_each(|receipt| keep_for_later(&mut pending, &key, receipt));
            continue;
        };
        for receipt in &entry.receipts {
            now.apply_receipt(&receipt.contact, &receipt.kind, receipt.at);
        }
        if let Some(delivery) = &mut now.delivery {
            delivery.remove_received_from_pending();
        }
        match &entry.before {
            None => session_chats.add_message(key.chat, &key.id, &now)?,
            Some(before) if (before.sent_at, before.from_me) != (now.sent_at, now.from_me) => {
                session_chats.invalidate(key.chat)?;
            }
            Some(_) => {}
        }
        if entry.before.as_ref() != Some(&now) {
            changed.push((key, now));
        }
    }
    if !changed.is_empty() {
        rows::write_messages(tx, context.org, &to_rows(changed)?)?;
    }
    if !pending.is_empty() {
        let pending: Vec<PendingReceipt> = pending.into_values().collect();
        rows::add_pending_receipts(tx, context.org, &pending)?;
    }
    Ok(())
}

/// The messages that the batch names, as they are stored and with the batch's changes, apart from their receipts.
fn load<'c>(tx: &mut Transaction<'_>, context: &Context<'c>, chats: &Chats) -> StoreResult<Entries<'c>> {
    let mut changes = Vec::new();
    for (session, change) in &context.changes {
        if let Change::Message { chat, id, .. } | Change::Receipt { chat, id, .. } = change {
            let chat = SessionChatKey { session: *session, chat_key: chats.key(chat)? };
            changes.push((MessageKey { chat, id: id.clone() }, *change));
        }
    }
    if changes.is_empty() {
        return Ok(Entries::new());
    }
    let mut entries: Entries<'c> = changes.iter().map(|(key, _)| (key.clone(), Entry::default())).collect();
    let stored = rows::messages_by_key(tx, context.org, &entries.keys().collect::<Vec<_>>())?;
    for (key, state) in states(stored)? {
        entries.insert(key, Entry { before: Some(state.clone()), now: Some(state), receipts: Vec::new() });
    }
    for (key, change) in changes {
        let entry = entries.entry(key).or_default();
        if let Change::Message { message, .. } = change {
            match &mut entry.now {
                Some(now) => now.merge((**message).clone()),
                None => entry.now = Some((**message).clone()),
            }
        } else if let Change::Receipt { receipt, .. } = change {
            entry.receipts.push(receipt);
        }
    }
    Ok(entries)
}

/// Applies to new messages the receipts that arrived before them.
fn add_pending_receipts(tx: &mut Transaction<'_>, org: OrgId, entries: &mut Entries<'_>) -> StoreResult<()> {
    let new = entries.iter().filter(|(_, entry)| entry.before.is_none() && entry.now.is_some());
    let new: Vec<&MessageKey> = new.map(|(key, _)| key).collect();
    if new.is_empty() {
        return Ok(());
    }
    for pending in rows::take_pending_receipts(tx, org, &new)? {
        let message = entries.get_mut(&pending.message).and_then(|entry| entry.now.as_mut());
        if let Some(message) = message {
            message.apply_receipt(&pending.contact, &pending.kind, pending.at);
        }
    }
    Ok(())
}

type Pending<'c> = BTreeMap<(MessageKey, &'c str, &'c str), PendingReceipt>;

/// Keeps a receipt until its message arrives; of two equal ones the earlier.
fn keep_for_later<'c>(pending: &mut Pending<'c>, message: &MessageKey, receipt: &'c Receipt) {
    let new = PendingReceipt {
        message: message.clone(),
        contact: receipt.contact.clone(),
        kind: receipt.kind.clone(),
        at: receipt.at,
    };
    pending
        .entry((message.clone(), receipt.contact.as_str(), receipt.kind.as_str()))
        .and_modify(|earlier| earlier.at = receipt.at.min(earlier.at))
        .or_insert(new);
}

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
    let mut taken = rows::take_messages(tx, org, &keys)?;
    for row in &mut taken {
        row.key.chat = kept(row.key.chat);
    }
    let taken = states(taken)?;
    let stored = rows::messages_by_key(tx, org, &taken.keys().collect::<Vec<_>>())?;
    let mut merged = states(stored)?;
    for (key, other) in taken {
        if let Some(state) = merged.get_mut(&key) {
            state.merge(other);
        }
    }
    rows::write_messages(tx, org, &to_rows(merged)?)
}

/// Applies pending receipts whose messages are stored in these chats.
fn apply_pending_receipts(tx: &mut Transaction<'_>, chats: &[SessionChatKey]) -> StoreResult<()> {
    let org = tx.org();
    let keys = rows::messages_with_pending_receipts(tx, org, chats)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&MessageKey> = keys.iter().collect();
    let mut messages = states(rows::messages_by_key(tx, org, &keys)?)?;
    for pending in rows::take_pending_receipts(tx, org, &keys)? {
        if let Some(message) = messages.get_mut(&pending.message) {
            message.apply_receipt(&pending.contact, &pending.kind, pending.at);
        }
    }
    rows::write_messages(tx, org, &to_rows(messages)?)
}
