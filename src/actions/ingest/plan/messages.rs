//! Plans messages and their updates, in whatever order they arrive.

use std::collections::BTreeMap;

use super::chats::Chats;
use super::context::Context;
use super::message_events::{kept_text, record_edit, record_new};
use super::message_rows::{from_pending, states, to_pending, to_rows};
use super::session_chats::SessionChats;
use crate::actions::ingest::change::Change;
use crate::actions::ingest::message_state::{MessageState, Update};
use crate::actions::ingest::scope::SessionScope;
use crate::actions::ingest::transaction::Rejections;
use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::store::ingest::{self as rows, MessageKey, PendingReceipt, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// A message of the batch.
#[derive(Default)]
struct Entry {
    before: Option<MessageState>,
    now: Option<MessageState>,
    /// Updates that arrived before the message.
    early: Vec<Update>,
    /// The place in the batch of the first event.
    place: usize,
}

type Entries = BTreeMap<MessageKey, Entry>;

/// Changes of messages, each with its place in the batch.
type Named<'c> = Vec<(usize, MessageKey, &'c Change)>;

/// Writes messages and their updates, and counts the new ones. Rejects, by their places in the batch, those that can never
/// be stored.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    context: &Context<'_>,
    chats: &Chats,
    session_chats: &mut SessionChats,
) -> StoreResult<Rejections> {
    let named = named(context, chats)?;
    if named.is_empty() {
        return Ok(Rejections::new());
    }
    let mut entries = load(tx, context.org, &named)?;
    let rejections = apply(&mut entries, &named);
    write_entries(tx, scope, entries, session_chats)?;
    Ok(rejections)
}

/// The changes of the batch that name messages.
fn named<'c>(context: &Context<'c>, chats: &Chats) -> StoreResult<Named<'c>> {
    let mut named = Named::new();
    for (place, (session, change)) in context.changes.iter().enumerate() {
        let (chat, id) = if let Change::Message { chat, id, .. } = change {
            (chat, id)
        } else if let Change::Update { message, .. } = change {
            (&message.chat, &message.id)
        } else {
            continue;
        };
        let chat = SessionChatKey { session: *session, chat_key: chats.key(chat)? };
        named.push((place, MessageKey { chat, id: id.clone() }, *change));
    }
    Ok(named)
}

/// The messages as they are stored, and the updates that arrived before those that the batch brings.
fn load(tx: &mut Transaction<'_>, org: OrgId, named: &Named<'_>) -> StoreResult<Entries> {
    let mut entries = Entries::new();
    for (place, key, _) in named {
        entries.entry(key.clone()).or_insert_with(|| Entry { place: *place, ..Entry::default() });
    }
    let stored = rows::messages_by_key(tx, org, &entries.keys().collect::<Vec<_>>())?;
    for (key, state) in states(stored)? {
        let entry = entries.entry(key).or_default();
        (entry.before, entry.now) = (Some(state.clone()), Some(state));
    }
    let messages = named.iter().filter(|(.., change)| matches!(change, Change::Message { .. }));
    let mut new: Vec<&MessageKey> = messages.map(|(_, key, _)| key).collect();
    new.retain(|key| entries[*key].before.is_none());
    new.sort_unstable();
    new.dedup();
    if !new.is_empty() {
        for pending in rows::take_pending_receipts(tx, org, &new)? {
            let entry = entries.entry(pending.message.clone()).or_default();
            entry.early.push(from_pending(pending));
        }
    }
    Ok(entries)
}

/// Applies the changes in the order of their arrival.
fn apply(entries: &mut Entries, named: &Named<'_>) -> Rejections {
    let mut rejections = Rejections::new();
    for (place, key, change) in named {
        let entry = entries.entry(key.clone()).or_default();
        match (&mut entry.now, change) {
            (Some(now), Change::Message { message, .. }) => match check_text(now, message) {
                Ok(()) => now.merge((**message).clone()),
                Err(error) => rejections.push((*place, error)),
            },
            (None, Change::Message { message, .. }) => {
                entry.place = *place;
                let mut new = (**message).clone();
                entry.early.drain(..).for_each(|update| new.apply(&update));
                entry.now = Some(new);
            }
            (Some(now), Change::Update { update, .. }) => now.apply(update),
            (None, Change::Update { update, .. }) => entry.early.push(update.clone()),
            _ => {}
        }
    }
    rejections
}

/// Rejects a message that arrives again with another text: nobody can tell which of the two is the newer one.
fn check_text(stored: &MessageState, message: &MessageState) -> Result<()> {
    match &message.body {
        Some(text) if message.updated_at.is_none() && !stored.accepts_text(text) => {
            let problem = "must be the stored text, or come with `updatedAt`: send an `edit`";
            Err(Error::invalid("message.body", problem))
        }
        Some(_) | None => Ok(()),
    }
}

fn write_entries(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    entries: Entries,
    session_chats: &mut SessionChats,
) -> StoreResult<()> {
    let (mut changed, mut created) = (Vec::new(), Vec::new());
    let (mut new, mut pending) = (BTreeMap::<_, usize>::new(), BTreeMap::new());
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry.place);
    for (key, entry) in entries {
        let Some(mut now) = entry.now else {
            entry.early.into_iter().for_each(|update| keep_for_later(&mut pending, &key, update));
            continue;
        };
        if let Some(delivery) = &mut now.delivery {
            delivery.remove_received_from_pending();
        }
        let Some(before) = entry.before else {
            session_chats.add_message(&key, &now)?;
            *new.entry(key.chat.session).or_default() += 1;
            created.push((key.clone(), now.clone()));
            changed.push((key, now));
            continue;
        };
        if before.is_silent() != now.is_silent() {
            session_chats.invalidate(key.chat)?;
        }
        if before != now {
            let latest = session_chats.stored_latest(key.chat);
            let is_latest = latest.is_some_and(|latest| latest.id == key.id);
            let kept = kept_text(scope.keeps_deleted_text, &before, &now);
            record_edit(tx, &key, is_latest, kept, (&before, &now));
            changed.push((key, now));
        }
    }
    // Stable: messages of one time keep the order of their arrival.
    created.sort_by_key(|(_, message): &(_, MessageState)| message.sent_at);
    created.iter().for_each(|(key, message)| record_new(tx, key, message));
    if !changed.is_empty() {
        let added: Vec<_> = new.into_iter().collect();
        let written = rows::write_messages(tx, &to_rows(changed)?, &added)?;
        session_chats.set_arrivals(&written);
    }
    if !pending.is_empty() {
        rows::add_pending_receipts(tx, scope.org, &pending.into_values().collect::<Vec<_>>())?;
    }
    Ok(())
}

type Pending = BTreeMap<(MessageKey, String, String), PendingReceipt>;

/// Keeps an update until its message arrives; of two equal ones the one that counts.
fn keep_for_later(pending: &mut Pending, message: &MessageKey, update: Update) {
    let place = (message.clone(), update.kind.clone(), update.contact.clone());
    let new = to_pending(message.clone(), update);
    pending
        .entry(place)
        .and_modify(|kept| {
            if new.counts_before(kept) {
                *kept = new.clone();
            }
        })
        .or_insert_with(|| new.clone());
}
