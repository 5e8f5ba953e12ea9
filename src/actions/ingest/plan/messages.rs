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
use crate::store::{Connection, StoreResult};

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
    connection: &mut Connection,
    context: &Context<'_>,
    chats: &Chats,
    session_chats: &mut SessionChats,
) -> StoreResult<()> {
    let mut entries = load(connection, context, chats)?;
    add_pending_receipts(connection, context.org, &mut entries)?;

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
        rows::write_messages(connection, context.org, &to_rows(changed)?)?;
    }
    if !pending.is_empty() {
        let pending: Vec<PendingReceipt> = pending.into_values().collect();
        rows::add_pending_receipts(connection, context.org, &pending)?;
    }
    Ok(())
}

/// The messages that the batch names, as they are stored and with the batch's changes, apart from their receipts.
fn load<'c>(connection: &mut Connection, context: &Context<'c>, chats: &Chats) -> StoreResult<Entries<'c>> {
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
    let stored = rows::messages_by_key(connection, context.org, &entries.keys().collect::<Vec<_>>())?;
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
fn add_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    entries: &mut Entries<'_>,
) -> StoreResult<()> {
    let new = entries.iter().filter(|(_, entry)| entry.before.is_none() && entry.now.is_some());
    let new: Vec<&MessageKey> = new.map(|(key, _)| key).collect();
    if new.is_empty() {
        return Ok(());
    }
    for pending in rows::take_pending_receipts(connection, org, &new)? {
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

/// Merges the messages that are left in chats into the chats that replace them.
pub(crate) fn merge_messages(
    connection: &mut Connection,
    org: OrgId,
    into: &BTreeMap<i64, i64>,
) -> StoreResult<()> {
    let mut left = rows::messages_of_chats(connection, org, &into.keys().copied().collect::<Vec<_>>())?;
    for row in &mut left {
        let chat = &mut row.key.chat;
        chat.chat_key = into.get(&chat.chat_key).copied().unwrap_or(chat.chat_key);
    }
    let mut merged = states(left)?;
    if merged.is_empty() {
        return Ok(());
    }
    let stored = rows::messages_by_key(connection, org, &merged.keys().collect::<Vec<_>>())?;
    for (key, mut state) in states(stored)? {
        if let Some(other) = merged.remove(&key) {
            state.merge(other);
        }
        merged.insert(key, state);
    }
    rows::write_messages(connection, org, &to_rows(merged)?)
}

/// Applies pending receipts whose messages are stored in these chats.
pub(crate) fn apply_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &[i64],
) -> StoreResult<()> {
    let keys = rows::messages_with_pending_receipts(connection, org, chat_keys)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&MessageKey> = keys.iter().collect();
    let mut messages = states(rows::messages_by_key(connection, org, &keys)?)?;
    for pending in rows::take_pending_receipts(connection, org, &keys)? {
        if let Some(message) = messages.get_mut(&pending.message) {
            message.apply_receipt(&pending.contact, &pending.kind, pending.at);
        }
    }
    rows::write_messages(connection, org, &to_rows(messages)?)
}
