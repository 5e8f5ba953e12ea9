//! Plans messages and their updates, in whatever order they arrive.

use std::collections::{BTreeMap, BTreeSet};

use super::chats::Chats;
use super::context::Context;
use super::message_events::{kept_text, record_edit, record_new};
use super::message_rows::{self, states};
use super::session_chats::SessionChats;
use super::waiting::{self, Target, Waiting};
use crate::actions::ingest::change::Change;
use crate::actions::ingest::message_state::{MessageState, Update};
use crate::actions::ingest::scope::SessionScope;
use crate::actions::ingest::transaction::Rejections;
use crate::error::{Error, Result};
use crate::store::ingest::{self as rows, Awaited, MessageId, MessageKey, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// A message of the batch.
struct Entry {
    before: Option<MessageState>,
    now: MessageState,
    /// The index of the first event.
    index: usize,
}

/// The messages that the batch names, and the updates that wait for theirs.
///
/// Each update has what it says about the sender.
#[derive(Default)]
struct Messages {
    entries: BTreeMap<MessageKey, Entry>,
    early: BTreeMap<Awaited, Vec<(String, Update)>>,
}

/// A change of a message, with the index of its event.
struct Named<'c> {
    index: usize,
    awaited: Awaited,
    /// `None` while the session does not hold the chat.
    chat: Option<SessionChatKey>,
    change: &'c Change,
}

impl Named<'_> {
    fn id(&self) -> Option<MessageId> {
        Some((self.chat?, self.awaited.id.clone()))
    }

    /// The key of the message that the change brings.
    fn key(&self, context: &Context<'_>) -> Option<MessageKey> {
        let Change::Message { author, message, .. } = self.change else { return None };
        let author = author.as_ref().map(|author| context.canonical(author).as_str().to_owned());
        let (chat, id) = self.id()?;
        Some(MessageKey { chat, id, from_me: message.from_me, author: author.unwrap_or_default() })
    }
}

/// Writes messages and their updates, and counts the new ones. Rejects those that can never be stored.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    context: &Context<'_>,
    chats: &Chats,
    session_chats: &mut SessionChats,
) -> StoreResult<Rejections> {
    let named = named(context, chats, session_chats);
    if named.is_empty() {
        return Ok(Rejections::new());
    }
    let mut messages = load(tx, context, &named)?;
    let rejections = messages.apply(context, &named);
    write_entries(tx, scope, messages, session_chats)?;
    Ok(rejections)
}

/// The changes of the batch that name messages.
fn named<'c>(context: &Context<'c>, chats: &Chats, session_chats: &SessionChats) -> Vec<Named<'c>> {
    let named = context.changes.iter().zip(&context.indexes).filter_map(|((session, change), index)| {
        let (chat, id) = if let Change::Message { chat, id, .. } = change {
            (chat, id)
        } else if let Change::Update { message, .. } = change {
            (&message.chat, &message.id)
        } else {
            return None;
        };
        let address = context.canonical(chat).clone();
        let awaited = Awaited { address, session: *session, id: id.clone() };
        Some(Named { index: *index, awaited, chat: session_chats.held(*session, chats.find(chat)), change })
    });
    named.collect()
}

/// The messages as they are stored, and the updates that arrived before those that the batch brings.
fn load(tx: &mut Transaction<'_>, context: &Context<'_>, named: &[Named<'_>]) -> StoreResult<Messages> {
    let mut messages = Messages::default();
    let ids: BTreeSet<MessageId> = named.iter().filter_map(Named::id).collect();
    if ids.is_empty() {
        return Ok(messages);
    }
    let stored = rows::messages_by_id(tx, context.org, &ids.iter().collect::<Vec<_>>())?;
    for (key, now) in states(stored)? {
        messages.entries.insert(key, Entry { before: Some(now.clone()), now, index: usize::MAX });
    }
    let is_new =
        |named: &&Named<'_>| named.key(context).is_some_and(|key| !messages.entries.contains_key(&key));
    let new: BTreeSet<Awaited> = named.iter().filter(is_new).map(|named| named.awaited.clone()).collect();
    if !new.is_empty() {
        for row in rows::take_waiting(tx, context.org, &new.into_iter().collect::<Vec<_>>())? {
            let update = waiting::update(&row);
            messages.early.entry(row.awaited).or_default().push((row.sender, update));
        }
    }
    Ok(messages)
}

impl Messages {
    /// Applies the changes in the order of their arrival.
    fn apply(&mut self, context: &Context<'_>, named: &[Named<'_>]) -> Rejections {
        let mut rejections = Rejections::new();
        for named in named {
            let outcome = if let Change::Update { message, update } = named.change {
                self.update(named, waiting::sender(named.awaited.session, message, context), update)
            } else if let Change::Message { message, .. } = named.change {
                self.add(context, named, message)
            } else {
                Ok(())
            };
            rejections.extend(outcome.err().map(|error| (named.index, error)));
        }
        rejections
    }

    fn add(&mut self, context: &Context<'_>, named: &Named<'_>, message: &MessageState) -> Result<()> {
        let Some(key) = named.key(context) else { return Ok(()) };
        if let Some(entry) = self.entries.get_mut(&key) {
            check_text(&entry.now, message)?;
            entry.now.merge(message.clone());
            return Ok(());
        }
        self.entries.insert(key, Entry { before: None, now: message.clone(), index: named.index });
        for (sender, update) in self.early.remove(&named.awaited).unwrap_or_default() {
            // It was accepted when it arrived; while it does not say which message it is about, it waits.
            if self.update(named, sender.clone(), &update).is_err() {
                self.early.entry(named.awaited.clone()).or_default().push((sender, update));
            }
        }
        Ok(())
    }

    fn update(&mut self, named: &Named<'_>, sender: String, update: &Update) -> Result<()> {
        let first =
            named.id().map(|(chat, id)| MessageKey { chat, id, from_me: false, author: String::new() });
        let stored = first.iter().flat_map(|first| {
            let keys = self.entries.range(first.clone()..).map(|(key, _)| key);
            keys.take_while(move |key| (key.chat, &key.id) == (first.chat, &first.id))
        });
        match waiting::target(stored, &sender, update) {
            Target::None => {
                self.early.entry(named.awaited.clone()).or_default().push((sender, update.clone()));
            }
            Target::One(key) => {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.now.apply(update);
                }
            }
            Target::Several => {
                let problem = "several messages have this id: must have `fromMe`, and `author` in a group";
                return Err(Error::invalid(format!("{}.message", update.event()), problem));
            }
        }
        Ok(())
    }
}

/// Rejects a message that arrives again with another text: without versions neither text is known to be newer.
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
    Messages { entries, early }: Messages,
    session_chats: &mut SessionChats,
) -> StoreResult<()> {
    let (mut changed, mut created) = (Vec::new(), Vec::new());
    let (mut new, mut waiting) = (BTreeMap::<_, usize>::new(), Waiting::default());
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry.index);
    for (key, Entry { before, mut now, .. }) in entries {
        if let Some(delivery) = &mut now.delivery {
            delivery.remove_received_from_pending();
        }
        let Some(before) = before else {
            session_chats.add_message(&key, &now)?;
            *new.entry(key.chat.session).or_default() += 1;
            created.push((now.sent_at, key.clone()));
            changed.push((key, now));
            continue;
        };
        if before.is_silent() != now.is_silent() {
            session_chats.invalidate(key.chat)?;
        }
        if before != now {
            let latest = session_chats.stored_latest(key.chat);
            let is_latest =
                latest.is_some_and(|latest| (&latest.id, latest.sent_at) == (&key.id, now.sent_at));
            let kept = kept_text(scope.keeps_deleted_text, &before, &now);
            record_edit(tx, &key, is_latest, kept, (&before, &now));
            changed.push((key, now));
        }
    }
    // Stable: messages of one time keep the order of their arrival.
    created.sort_by_key(|(sent_at, _)| *sent_at);
    let live = created.iter().filter(|(sent_at, _)| !scope.is_history(*sent_at));
    live.for_each(|(_, key)| record_new(tx, key, scope.renames_messages));
    if !changed.is_empty() {
        let added: Vec<_> = new.into_iter().collect();
        let written = message_rows::write(tx, changed, &added)?;
        session_chats.set_arrivals(&written);
    }
    for (awaited, updates) in early {
        let rows =
            updates.into_iter().map(|(sender, update)| waiting::waiting(awaited.clone(), sender, update));
        rows.for_each(|row| waiting.add(row));
    }
    waiting.write(tx)
}
