//! Plans messages, their receipts and their deletion, in whatever order they arrive.

use std::collections::BTreeMap;

use super::chats::Chats;
use super::context::Context;
use super::message_events::{record_edit, record_some};
use super::message_rows::{states, to_rows};
use super::session_chats::SessionChats;
use crate::actions::ingest::change::{Change, Receipt};
use crate::actions::ingest::message_state::MessageState;
use crate::ids::OrgId;
use crate::instant::Instant;
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

    let (mut changed, mut new, mut pending) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
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
        let Some(before) = entry.before else {
            session_chats.add_message(key.chat, &key.id, &now)?;
            new.entry(key.chat).or_insert_with(Vec::new).push(now.sent_at);
            changed.push((key, now));
            continue;
        };
        if (before.sent_at, before.from_me) != (now.sent_at, now.from_me) {
            session_chats.invalidate(key.chat)?;
        }
        if before != now {
            let latest = session_chats.stored_latest(key.chat);
            record_edit(tx, &key, latest.is_some_and(|(_, id)| *id == key.id), &before, &now);
            changed.push((key, now));
        }
    }
    record_late(tx, session_chats, &new);
    if !changed.is_empty() {
        let added = new.iter().map(|(chat, sent)| (chat.session, sent.len()));
        rows::write_messages(tx, &to_rows(changed)?, &added.collect::<Vec<_>>())?;
    }
    if !pending.is_empty() {
        let pending: Vec<PendingReceipt> = pending.into_values().collect();
        rows::add_pending_receipts(tx, context.org, &pending)?;
    }
    Ok(())
}

/// Records events of chats whose new messages are all older than the newest one, which change no other field.
fn record_late(
    tx: &mut Transaction<'_>,
    session_chats: &SessionChats,
    new: &BTreeMap<SessionChatKey, Vec<Instant>>,
) {
    for (chat, sent) in new {
        let latest = session_chats.stored_latest(*chat).map(|(at, _)| *at);
        if sent.iter().any(|sent_at| Some(*sent_at) < latest) {
            record_some(tx, *chat);
        }
    }
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
