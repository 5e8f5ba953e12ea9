//! Plans a session's view of chats: flags, read mark, unread count, latest message.

use std::collections::{BTreeMap, BTreeSet};

use super::chats::Chats;
use super::context::Context;
use super::versions::Reported;
use crate::actions::ingest::change::{Change, ChatChange};
use crate::actions::ingest::message_state::MessageState;
use crate::error::Error;
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::ingest::{self as rows, Changed, Latest, MessageKey, SessionChat, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// The sessions' chats of a batch, locked until the transaction ends.
pub(super) struct SessionChats(BTreeMap<SessionChatKey, Entry>);

struct Entry {
    before: SessionChat,
    now: SessionChat,
    /// Whether the unread count does not follow from the batch alone.
    recount: bool,
    /// Whether the latest message does not follow from the batch alone.
    find_latest: bool,
    /// The new message that is the latest one.
    new_latest: Option<MessageKey>,
    /// The chat was marked as unread: the unread count is at least this.
    min_unread: Option<i32>,
}

/// Creates missing rows, locks all, and applies flags and read marks.
pub(super) fn lock(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    chats: &Chats,
) -> StoreResult<SessionChats> {
    let mut keys = BTreeSet::new();
    for (session, change) in &context.changes {
        if let Some(chat) = change.chat() {
            keys.insert(SessionChatKey { session: *session, chat_key: chats.key(chat)? });
        }
    }
    let mut session_chats = SessionChats(BTreeMap::new());
    if keys.is_empty() {
        return Ok(session_chats);
    }
    let mut missing: Vec<SessionChatKey> = keys.into_iter().collect();
    let mut locked = rows::lock_session_chats(tx, context.org, &missing)?;
    let found: BTreeSet<SessionChatKey> = locked.iter().map(|row| row.key).collect();
    missing.retain(|key| !found.contains(key));
    if !missing.is_empty() {
        rows::create_session_chats(tx, &missing)?;
        locked.extend(rows::lock_session_chats(tx, context.org, &missing)?);
    }
    session_chats.0.extend(locked.into_iter().map(|row| (row.key, Entry::new(row))));
    for (place, (session, change)) in context.changes.iter().enumerate() {
        let Some(chat) = change.chat() else { continue };
        let entry = session_chats.get(SessionChatKey { session: *session, chat_key: chats.key(chat)? })?;
        if let Change::Chat { change, .. } = change {
            entry.apply(context.reported(change.updated_at, place), change);
        } else if let Change::Read { up_to, .. } = change {
            entry.read(*up_to);
        } else if let Change::Unread { count, .. } = change {
            entry.min_unread = entry.min_unread.max(Some(*count));
        }
    }
    Ok(session_chats)
}

/// Merges what sessions see of the chats that are removed, the keys of `into`, into the chats that replace them.
/// Messages and read marks must be moved already. Returns the merged rows as they are before the recount.
pub(crate) fn merge(
    tx: &mut Transaction<'_>,
    into: &BTreeMap<i64, i64>,
    marked: &BTreeMap<SessionChatKey, i32>,
) -> StoreResult<BTreeMap<SessionChatKey, SessionChat>> {
    let org = tx.org();
    let chat_keys: Vec<i64> = into.iter().flat_map(|(removed, kept)| [*removed, *kept]).collect();
    let keys = rows::session_chat_keys(tx, org, &chat_keys)?;
    let (removed, kept): (Vec<SessionChat>, Vec<SessionChat>) = rows::lock_session_chats(tx, org, &keys)?
        .into_iter()
        .partition(|row| into.contains_key(&row.key.chat_key));
    let entry = |row: SessionChat| {
        let min_unread = marked.get(&row.key).copied();
        (row.key, Entry { recount: true, find_latest: true, min_unread, ..Entry::new(row) })
    };
    let mut session_chats = SessionChats(kept.into_iter().map(entry).collect());
    for row in removed {
        let key = SessionChatKey { chat_key: into[&row.key.chat_key], ..row.key };
        session_chats.get(key)?.merge(row);
    }
    let merged = session_chats.0.iter().map(|(key, entry)| (*key, entry.now.clone())).collect();
    session_chats.write(tx, org, Instant::now())?;
    Ok(merged)
}

/// Sessions' chats whose unread count does not follow from their messages: marked as unread, or known to be 0.
pub(crate) fn marked_unread(
    tx: &mut Transaction<'_>,
    chat_keys: &[i64],
) -> StoreResult<Vec<(SessionChatKey, i32)>> {
    let org = tx.org();
    let keys = rows::session_chat_keys(tx, org, chat_keys)?;
    let locked = rows::lock_session_chats(tx, org, &keys)?;
    let counts: BTreeMap<_, _> = rows::unread_counts(tx, org, &keys)?.into_iter().collect();
    let marked = |row: SessionChat| {
        let counted = counts.get(&row.key).copied().unwrap_or_default();
        let unread = row.unread.filter(|unread| *unread == 0 || i64::from(*unread) > counted)?;
        Some((row.key, unread))
    };
    Ok(locked.into_iter().filter_map(marked).collect())
}

impl SessionChats {
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
            entry.now.unread = entry.now.unread.max(entry.min_unread);
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

impl Entry {
    fn new(row: SessionChat) -> Self {
        let before = row.clone();
        Self { before, now: row, recount: false, find_latest: false, new_latest: None, min_unread: None }
    }

    fn apply(&mut self, reported: Reported, change: &ChatChange) {
        let SessionChat { archived, pinned, exited, muted_until, field_times, .. } = &mut self.now;
        let flags = [
            ("archived", archived, change.archived),
            ("pinned", pinned, change.pinned),
            ("exited", exited, change.exited),
        ];
        for (field, stored, new) in flags {
            reported.merge(field_times, field, stored, &new.map_or(Patch::Keep, Patch::Set));
        }
        let mut until = muted_until.flatten();
        if reported.merge(field_times, "muted_until", &mut until, &change.muted_until) {
            *muted_until = Some(until);
        }
    }

    /// Takes over what the session knows of a merged chat only; the later read mark counts.
    fn merge(&mut self, removed: SessionChat) {
        self.now.archived = self.now.archived.or(removed.archived);
        self.now.pinned = self.now.pinned.or(removed.pinned);
        self.now.exited = self.now.exited.or(removed.exited);
        self.now.muted_until = self.now.muted_until.or(removed.muted_until);
        self.now.read_up_to = self.now.read_up_to.max(removed.read_up_to);
        rows::add_times(&mut self.now.field_times, removed.field_times);
    }

    fn read(&mut self, up_to: Instant) {
        let unread = self.now.unread.get_or_insert(0);
        if self.now.read_up_to.is_none_or(|mark| mark < up_to) {
            self.now.read_up_to = Some(up_to);
            // A later mark can only lower the count.
            self.recount |= *unread > 0;
            self.min_unread = None;
        }
    }

    /// Messages must be added in the order of their arrival.
    fn add_message(&mut self, key: &MessageKey, message: &MessageState) {
        if message.is_silent() {
            return;
        }
        if self.now.latest.as_ref().is_none_or(|latest| latest.sent_at <= message.sent_at) {
            self.now.latest = Some(Latest { sent_at: message.sent_at, arrival: None, id: key.id.clone() });
            self.new_latest = Some(key.clone());
        }
        if !message.from_me {
            let is_unread = self.now.read_up_to.is_none_or(|mark| mark < message.sent_at);
            let unread = self.now.unread.get_or_insert(0);
            *unread = unread.saturating_add(i32::from(is_unread));
        }
    }

    /// With a read mark at or after the newest message the count is 0.
    fn skip_recount_when_read(&mut self) {
        let newest = self.now.latest.as_ref().map(|latest| latest.sent_at);
        let is_read = |mark| newest.is_none_or(|newest| newest <= mark);
        if self.recount && self.now.read_up_to.is_some_and(is_read) {
            self.now.unread = Some(0);
            self.recount = false;
        }
        self.now.unread = self.now.unread.max(self.min_unread);
    }
}
