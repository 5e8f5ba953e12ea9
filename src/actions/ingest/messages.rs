//! Messages, their receipts and their deletion, in whatever order they come.

use std::collections::BTreeMap;

use serde_json::Value;

use super::chats::Chats;
use super::check::{Change, Receipt};
use super::counters::Counters;
use super::event::ReceiptKind;
use super::merge::MessageState;
use crate::error::Error;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, Message, MessageKey, PendingReceipt, SessionChatKey};
use crate::store::{Connection, StoreResult};

const DELETED: &str = "deleted";

/// A message of the batch: as it is stored, and as it will be.
#[derive(Default)]
struct Entry<'a> {
    before: Option<MessageState>,
    now: Option<MessageState>,
    receipts: Vec<&'a Receipt>,
}

/// Stores messages with their receipts and deletions, and tells the counters what is new.
pub(super) fn write(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    chats: &Chats,
    counters: &mut Counters,
) -> StoreResult<()> {
    let mut entries = load(connection, org, changes, chats)?;
    for (session, change) in changes {
        match change {
            Change::Message { chat, id, message } => {
                let entry = entries.entry(key(*session, chats.key(chat)?, id)).or_default();
                match &mut entry.now {
                    Some(now) => now.merge((**message).clone()),
                    None => entry.now = Some((**message).clone()),
                }
            }
            Change::Receipt { chat, id, receipt } => {
                let entry = entries.entry(key(*session, chats.key(chat)?, id)).or_default();
                entry.receipts.push(receipt);
            }
            Change::Contact { .. }
            | Change::Chat { .. }
            | Change::Read { .. }
            | Change::Unread { .. }
            | Change::Inbox { .. }
            | Change::Address(_)
            | Change::Status(_) => {}
        }
    }
    take_waiting(connection, org, &mut entries)?;

    let (mut written, mut waiting) = (Vec::new(), BTreeMap::new());
    for (key, entry) in entries {
        let Some(mut now) = entry.now else {
            entry.receipts.iter().for_each(|receipt| wait(&mut waiting, &key, receipt));
            continue;
        };
        entry.receipts.iter().for_each(|receipt| receive(&mut now, receipt));
        if let Some(delivery) = &mut now.delivery {
            delivery.settle();
        }
        match &entry.before {
            None => counters.arrive(key.chat, &key.id, &now)?,
            Some(before) if (before.sent_at, before.from_me) != (now.sent_at, now.from_me) => {
                counters.unsettle(key.chat)?;
            }
            Some(_) => {}
        }
        if entry.before.as_ref() != Some(&now) {
            written.push(to_row(key, now)?);
        }
    }
    if !written.is_empty() {
        rows::write_messages(connection, org, &written)?;
    }
    if !waiting.is_empty() {
        rows::add_pending_receipts(connection, org, &waiting.into_values().collect::<Vec<_>>())?;
    }
    Ok(())
}

fn key(session: SessionId, chat_key: i64, id: &str) -> MessageKey {
    MessageKey { chat: SessionChatKey { session, chat_key }, id: id.to_owned() }
}

/// Gives stored messages of these chats the receipts that wait for them.
pub(super) fn take_receipts(connection: &mut Connection, org: OrgId, chat_keys: &[i64]) -> StoreResult<()> {
    let keys = rows::messages_waited_for(connection, org, chat_keys)?;
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&MessageKey> = keys.iter().collect();
    let mut states = BTreeMap::new();
    for row in rows::messages_by_key(connection, org, &keys)? {
        states.insert(row.key.clone(), from_row(row)?);
    }
    for waited in rows::take_pending_receipts(connection, org, &keys)? {
        if let Some(message) = states.get_mut(&waited.message) {
            take(message, &waited);
        }
    }
    rows::write_messages(connection, org, &to_rows(states)?)
}

/// Adds what is left of some chats to the same messages of the chats they become part of.
pub(super) fn fold(connection: &mut Connection, org: OrgId, into: &BTreeMap<i64, i64>) -> StoreResult<()> {
    let left = rows::messages_of_chats(connection, org, &into.keys().copied().collect::<Vec<_>>())?;
    let mut told = BTreeMap::new();
    for mut row in left {
        row.key.chat.chat_key = into.get(&row.key.chat.chat_key).copied().unwrap_or(row.key.chat.chat_key);
        told.insert(row.key.clone(), from_row(row)?);
    }
    if told.is_empty() {
        return Ok(());
    }
    for row in rows::messages_by_key(connection, org, &told.keys().collect::<Vec<_>>())? {
        let key = row.key.clone();
        let mut state = from_row(row)?;
        if let Some(other) = told.remove(&key) {
            state.merge(other);
        }
        told.insert(key, state);
    }
    rows::write_messages(connection, org, &to_rows(told)?)
}

fn to_rows(states: BTreeMap<MessageKey, MessageState>) -> StoreResult<Vec<Message>> {
    states.into_iter().map(|(key, state)| to_row(key, state)).collect()
}

fn load<'a>(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    chats: &Chats,
) -> StoreResult<BTreeMap<MessageKey, Entry<'a>>> {
    let mut entries = BTreeMap::new();
    for (session, change) in changes {
        if let Change::Message { chat, id, .. } | Change::Receipt { chat, id, .. } = change {
            entries.insert(key(*session, chats.key(chat)?, id), Entry::default());
        }
    }
    if entries.is_empty() {
        return Ok(entries);
    }
    for row in rows::messages_by_key(connection, org, &entries.keys().collect::<Vec<_>>())? {
        let key = row.key.clone();
        let state = from_row(row)?;
        entries.insert(key, Entry { before: Some(state.clone()), now: Some(state), receipts: Vec::new() });
    }
    Ok(entries)
}

/// Gives new messages the receipts that came before them.
fn take_waiting(
    connection: &mut Connection,
    org: OrgId,
    entries: &mut BTreeMap<MessageKey, Entry<'_>>,
) -> StoreResult<()> {
    let new: Vec<&MessageKey> = entries
        .iter()
        .filter(|(_, entry)| entry.before.is_none() && entry.now.is_some())
        .map(|(key, _)| key)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    for waited in rows::take_pending_receipts(connection, org, &new)? {
        let now = entries.get_mut(&waited.message).and_then(|entry| entry.now.as_mut());
        if let Some(message) = now {
            take(message, &waited);
        }
    }
    Ok(())
}

fn take(message: &mut MessageState, waited: &PendingReceipt) {
    match kind_of(&waited.kind) {
        Some(kind) => message.receive(&waited.contact, kind, waited.at),
        None => message.delete(),
    }
}

fn receive(message: &mut MessageState, receipt: &Receipt) {
    match receipt {
        Receipt::Progress { by, kind, at } => message.receive(by.as_str(), *kind, *at),
        Receipt::Deleted => message.delete(),
    }
}

type Waiting = BTreeMap<(MessageKey, String, &'static str), PendingReceipt>;

/// Keeps a receipt for later; of the same one twice, the earlier.
fn wait(waiting: &mut Waiting, message: &MessageKey, receipt: &Receipt) {
    let (contact, kind, at) = match receipt {
        Receipt::Progress { by, kind, at } => (ChatAddress::as_str(by), name_of(*kind), *at),
        Receipt::Deleted => ("", DELETED, Instant::from_micros(0)),
    };
    let pending =
        PendingReceipt { message: message.clone(), contact: contact.to_owned(), kind: kind.to_owned(), at };
    waiting
        .entry((message.clone(), contact.to_owned(), kind))
        .and_modify(|earlier| earlier.at = at.min(earlier.at))
        .or_insert(pending);
}

fn name_of(kind: ReceiptKind) -> &'static str {
    match kind {
        ReceiptKind::Sent => "sent",
        ReceiptKind::Server => "server",
        ReceiptKind::Delivered => "delivered",
        ReceiptKind::Read => "read",
        ReceiptKind::Played => "played",
    }
}

pub(super) fn kind_of(name: &str) -> Option<ReceiptKind> {
    use ReceiptKind::{Delivered, Played, Read, Sent, Server};
    [Sent, Server, Delivered, Read, Played].into_iter().find(|kind| name_of(*kind) == name)
}

pub(super) fn from_row(row: Message) -> StoreResult<MessageState> {
    let Value::Object(details) = row.details else {
        return Err(Error::internal("messages.details is not an object").into());
    };
    Ok(MessageState {
        sent_at: row.sent_at,
        from_me: row.from_me,
        sender: row.sender,
        kind: row.kind,
        body: row.body,
        details,
        ack: row.ack,
        delivery: row.delivery.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        updated_at: row.updated_at,
        field_times: row
            .field_times
            .map(serde_json::from_value)
            .transpose()
            .map_err(Error::internal)?
            .unwrap_or_default(),
    })
}

fn to_row(key: MessageKey, state: MessageState) -> StoreResult<Message> {
    let delivery = state.delivery.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    let field_times = (!state.field_times.is_empty())
        .then(|| serde_json::to_value(&state.field_times))
        .transpose()
        .map_err(Error::internal)?;
    Ok(Message {
        key,
        sent_at: state.sent_at,
        updated_at: state.updated_at,
        ack: state.ack,
        from_me: state.from_me,
        sender: state.sender,
        kind: state.kind,
        body: state.body,
        delivery,
        details: Value::Object(state.details),
        field_times,
    })
}
