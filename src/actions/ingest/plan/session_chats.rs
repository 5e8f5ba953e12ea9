//! Plans a session's view of chats: flags, read mark, unread count, latest message.

use std::collections::{BTreeMap, BTreeSet};

use super::chats::Chats;
use super::context::Context;
use super::session_chat::Entry;
use crate::actions::ingest::change::Change;
use crate::actions::ingest::message_state::MessageState;
use crate::caller::Claimant;
use crate::error::Error;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{
    self as rows, Awaited, Changed, Latest, MessageKey, SessionChat, SessionChatKey, WaitingUpdate,
};
use crate::store::{StoreResult, Transaction};

/// The sessions' chats of a batch, locked until the transaction ends.
pub(super) struct SessionChats(BTreeMap<SessionChatKey, Entry>);

/// Creates missing rows, locks all, and applies flags and read marks.
///
/// Chats that other sessions hold are claimed by the claimant, until anything else reports them.
pub(super) fn lock(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    chats: &Chats,
    claimant: Option<&Claimant>,
) -> StoreResult<SessionChats> {
    // By their keys, those that are created if they are missing with their addresses.
    let mut named: BTreeMap<SessionChatKey, Option<Awaited>> = BTreeMap::new();
    for (session, change) in &context.changes {
        let Some(chat_key) = change.chat().and_then(|chat| chats.find(chat)) else { continue };
        let created = change.created_chat().map(|chat| context.canonical(chat).clone());
        let created = created.map(|address| Awaited { address, session: *session, id: String::new() });
        let awaited = named.entry(SessionChatKey { session: *session, chat_key }).or_default();
        *awaited = awaited.take().or(created);
    }
    let mut session_chats = SessionChats(BTreeMap::new());
    let keys: Vec<SessionChatKey> = named.keys().copied().collect();
    let mut locked = match keys.is_empty() {
        true => Vec::new(),
        false => rows::lock_session_chats(tx, context.org, &keys)?,
    };
    locked.iter().for_each(|row| drop(named.remove(&row.key)));
    named.retain(|_, created| created.is_some());
    if !named.is_empty() {
        let missing: Vec<SessionChatKey> = named.keys().copied().collect();
        let claimed = match claimant {
            Some(claimant) => held_by_others(tx, context.org, claimant, &missing)?,
            None => BTreeSet::new(),
        };
        let claimed_by = |chat_key| claimant.filter(|_| claimed.contains(&chat_key));
        rows::create_session_chats(tx, &missing, |chat_key| Some(claimed_by(chat_key)?.key.as_str()))?;
        locked.extend(rows::lock_session_chats(tx, context.org, &missing)?);
    }
    session_chats.0.extend(locked.into_iter().map(|row| (row.key, Entry::new(row))));
    let arrived: Vec<Awaited> = named.into_values().flatten().collect();
    if !arrived.is_empty() {
        for waiting in rows::take_waiting(tx, context.org, &arrived)? {
            let key = session_chats.held(waiting.awaited.session, chats.find(&waiting.awaited.address));
            if let Some(key) = key {
                session_chats.get(key)?.apply_waiting(&waiting);
            }
        }
    }
    for (place, (session, change)) in context.changes.iter().enumerate() {
        let held = change.chat().and_then(|chat| session_chats.held(*session, chats.find(chat)));
        let Some(key) = held else { continue };
        let entry = session_chats.get(key)?;
        if change.created_chat().is_some() {
            let is_claimants = |key: &String| claimant.is_some_and(|claimant| claimant.key.as_str() == key);
            entry.now.claimed_by = entry.now.claimed_by.take().filter(is_claimants);
        }
        if let Change::Chat { change, .. } = change {
            entry.apply(context.reported(change.updated_at, place), change, context.is_of_lists);
        } else if let Change::Read { up_to, .. } = change {
            entry.read(*up_to);
        } else if let Change::Unread { count, .. } = change {
            match context.is_of_lists {
                true => entry.list_unread(*count),
                false => entry.mark_unread(Some(*count)),
            }
        }
    }
    Ok(session_chats)
}

/// Those of the chats that sessions out of the key's scope hold.
fn held_by_others(
    tx: &mut Transaction<'_>,
    org: OrgId,
    claimant: &Claimant,
    keys: &[SessionChatKey],
) -> StoreResult<BTreeSet<i64>> {
    let chat_keys: Vec<i64> = keys.iter().map(|key| key.chat_key).collect();
    let holders = rows::session_chat_keys(tx, org, &chat_keys)?;
    let others = holders.into_iter().filter(|held| !claimant.sessions.contains(&held.session));
    Ok(others.map(|held| held.chat_key).collect())
}

/// Merges what sessions see of the chats that are removed, the keys of `into`, into the chats that replace them.
/// Messages and read marks must be moved already. Returns the merged rows as they are before the recount.
pub(crate) fn merge(
    tx: &mut Transaction<'_>,
    into: &BTreeMap<i64, i64>,
) -> StoreResult<BTreeMap<SessionChatKey, SessionChat>> {
    let org = tx.org();
    let chat_keys: Vec<i64> = into.iter().flat_map(|(removed, kept)| [*removed, *kept]).collect();
    let keys = rows::session_chat_keys(tx, org, &chat_keys)?;
    let (removed, kept): (Vec<SessionChat>, Vec<SessionChat>) = rows::lock_session_chats(tx, org, &keys)?
        .into_iter()
        .partition(|row| into.contains_key(&row.key.chat_key));
    let mut session_chats = SessionChats(kept.into_iter().map(Entry::recounted).collect());
    for row in removed {
        let key = SessionChatKey { chat_key: into[&row.key.chat_key], ..row.key };
        session_chats.get(key)?.merge(row);
    }
    let merged = session_chats.0.iter().map(|(key, entry)| (*key, entry.now.clone())).collect();
    session_chats.write(tx, org, Instant::now())?;
    Ok(merged)
}

/// Applies what waited for chats that are stored by now.
pub(crate) fn apply_waiting(
    tx: &mut Transaction<'_>,
    waiting: &[(SessionChatKey, WaitingUpdate)],
) -> StoreResult<()> {
    let org = tx.org();
    let keys: BTreeSet<SessionChatKey> = waiting.iter().map(|(key, _)| *key).collect();
    let locked = rows::lock_session_chats(tx, org, &keys.into_iter().collect::<Vec<_>>())?;
    let mut session_chats = SessionChats(locked.into_iter().map(|row| (row.key, Entry::new(row))).collect());
    for (key, waiting) in waiting {
        session_chats.get(*key)?.apply_waiting(waiting);
    }
    session_chats.write(tx, org, Instant::now())
}

/// Counts the unread messages of these chats anew, and finds the latest message.
pub(crate) fn recount(tx: &mut Transaction<'_>, keys: &[SessionChatKey]) -> StoreResult<()> {
    let org = tx.org();
    let locked = rows::lock_session_chats(tx, org, keys)?;
    let session_chats = SessionChats(locked.into_iter().map(Entry::recounted).collect());
    session_chats.write(tx, org, Instant::now())
}

impl SessionChats {
    /// The key of the session's chat if the session holds it.
    pub(super) fn held(&self, session: SessionId, chat_key: Option<i64>) -> Option<SessionChatKey> {
        chat_key.map(|chat_key| SessionChatKey { session, chat_key }).filter(|key| self.0.contains_key(key))
    }

    fn get(&mut self, key: SessionChatKey) -> StoreResult<&mut Entry> {
        Ok(self.0.get_mut(&key).ok_or_else(|| Error::internal("a chat of the batch is not locked"))?)
    }

    /// Counts a message that was not stored before. Read marks must be applied already.
    pub(super) fn add_message(&mut self, key: &MessageKey, message: &MessageState) -> StoreResult<()> {
        self.get(key.chat)?.add_message(key, message);
        Ok(())
    }

    /// Sets the numbers of the arrival of new messages, in which they were written.
    pub(super) fn set_arrivals(&mut self, written: &[(MessageKey, i64)]) {
        for (key, arrival) in written {
            if let Some(entry) =
                self.0.get_mut(&key.chat).filter(|entry| entry.new_latest.as_ref() == Some(key))
                && let Some(latest) = &mut entry.now.latest
            {
                latest.arrival = Some(*arrival);
            }
        }
    }

    /// The newest message of a chat as it is stored.
    pub(super) fn stored_latest(&self, key: SessionChatKey) -> Option<&Latest> {
        self.0.get(&key)?.before.latest.as_ref()
    }

    /// Requests a recount: a message is counted that was not, or the other way round.
    pub(super) fn invalidate(&mut self, key: SessionChatKey) -> StoreResult<()> {
        let entry = self.get(key)?;
        (entry.recount, entry.find_latest) = (true, true);
        Ok(())
    }

    /// Writes changed rows. The messages must be written already.
    pub(super) fn write(mut self, tx: &mut Transaction<'_>, org: OrgId, now: Instant) -> StoreResult<()> {
        let without_latest = self.keys(|entry| entry.find_latest);
        if !without_latest.is_empty() {
            let mut found: BTreeMap<_, _> =
                rows::latest_messages(tx, org, &without_latest)?.into_iter().collect();
            for key in without_latest {
                self.get(key)?.now.latest = found.remove(&key);
            }
        }
        self.0.values_mut().for_each(Entry::skip_recount_when_read);
        self.write_changed(tx, now)?;

        // The recount reads the read marks just written.
        let uncounted = self.keys(|entry| entry.recount);
        if uncounted.is_empty() {
            return Ok(());
        }
        self.0.retain(|_, entry| entry.recount);
        for entry in self.0.values_mut() {
            entry.before = entry.now.clone();
        }
        for (key, count) in rows::unread_counts(tx, org, &uncounted)? {
            let now = &mut self.get(key)?.now;
            let is_known = count > 0 || now.read_up_to.is_some();
            now.unread = is_known.then(|| i32::try_from(count).unwrap_or(i32::MAX));
        }
        for entry in self.0.values_mut() {
            entry.now.unread = entry.now.unread.max(entry.now.min_unread);
        }
        self.write_changed(tx, now)
    }

    fn keys(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<SessionChatKey> {
        self.0.iter().filter(|(_, entry)| is_wanted(entry)).map(|(key, _)| *key).collect()
    }

    fn write_changed(&self, tx: &mut Transaction<'_>, now: Instant) -> StoreResult<()> {
        let changed = self.0.values().filter_map(|entry| Changed::new(&entry.before, &entry.now));
        let changed: Vec<Changed<&SessionChat>> = changed.collect();
        if changed.is_empty() { Ok(()) } else { rows::update_session_chats(tx, &changed, now) }
    }
}
