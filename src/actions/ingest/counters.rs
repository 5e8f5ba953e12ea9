//! What one number sees of a chat: flags, read mark, unread count, latest message.

use std::collections::{BTreeMap, BTreeSet};

use super::chats::Chats;
use super::check::Change;
use super::event::ChatEvent;
use super::merge::MessageState;
use crate::error::Error;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::ingest::{self as rows, SessionChat, SessionChatKey};
use crate::store::{Connection, StoreResult};

/// The chats of a batch as its sessions see them, held until the transaction ends.
pub(super) struct Counters(BTreeMap<SessionChatKey, Counter>);

struct Counter {
    before: SessionChat,
    now: SessionChat,
    /// The count cannot be told from the batch alone.
    recount: bool,
    /// Neither can the latest message.
    search_latest: bool,
    /// The chat was marked unread: at least so many are, however many there are.
    at_least: Option<i32>,
}

/// Creates what is missing, holds it, and applies flags and read marks.
pub(super) fn lock(
    connection: &mut Connection,
    org: OrgId,
    changes: &[(SessionId, &Change)],
    chats: &Chats,
) -> StoreResult<Counters> {
    let mut wanted = BTreeSet::new();
    for (session, change) in changes {
        if let Some(chat) = change.chat() {
            wanted.insert(SessionChatKey { session: *session, chat_key: chats.key(chat)? });
        }
    }
    let mut counters = BTreeMap::new();
    if !wanted.is_empty() {
        let mut missing: Vec<SessionChatKey> = wanted.into_iter().collect();
        let mut held = rows::lock_session_chats(connection, org, &missing)?;
        let found: BTreeSet<SessionChatKey> = held.iter().map(|row| row.key).collect();
        missing.retain(|key| !found.contains(key));
        if !missing.is_empty() {
            rows::create_session_chats(connection, org, &missing)?;
            held.extend(rows::lock_session_chats(connection, org, &missing)?);
        }
        counters.extend(held.into_iter().map(|row| (row.key, Counter::new(row))));
    }
    let mut counters = Counters(counters);
    for (session, change) in changes {
        match change {
            Change::Chat { chat, event, .. } => {
                counters.get(SessionChatKey { session: *session, chat_key: chats.key(chat)? })?.see(event);
            }
            Change::Read { chat, up_to } => {
                counters.get(SessionChatKey { session: *session, chat_key: chats.key(chat)? })?.read(*up_to);
            }
            Change::Unread { chat, count } => {
                counters.get(SessionChatKey { session: *session, chat_key: chats.key(chat)? })?.mark(*count);
            }
            Change::Contact { .. }
            | Change::Inbox { .. }
            | Change::Message { .. }
            | Change::Receipt { .. }
            | Change::Address(_)
            | Change::Status(_) => {}
        }
    }
    Ok(counters)
}

/// Counts anew what the holders of these chats have of them. Those `marked` have at least so many unread.
pub(super) fn recount(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &[i64],
    marked: &BTreeMap<SessionChatKey, i32>,
    now: Instant,
) -> StoreResult<()> {
    let holders = rows::holders_of_chats(connection, org, chat_keys)?;
    if holders.is_empty() {
        return Ok(());
    }
    let unsettled = |row: SessionChat| Counter {
        recount: true,
        search_latest: true,
        at_least: marked.get(&row.key).copied(),
        ..Counter::new(row)
    };
    let held = rows::lock_session_chats(connection, org, &holders)?;
    let counters = Counters(held.into_iter().map(|row| (row.key, unsettled(row))).collect());
    counters.store(connection, org, now)
}

/// The holders of these chats that were marked unread, and how many are: more than there are to read. Or none at all, where
/// that is known.
pub(super) fn marked_unread(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &[i64],
) -> StoreResult<Vec<(SessionChatKey, i32)>> {
    let holders = rows::holders_of_chats(connection, org, chat_keys)?;
    let held = rows::lock_session_chats(connection, org, &holders)?;
    let counts: BTreeMap<_, _> = rows::unread_counts(connection, org, &holders)?.into_iter().collect();
    let marked = |row: SessionChat| {
        let counted = counts.get(&row.key).copied().unwrap_or_default();
        let unread = row.unread.filter(|unread| *unread == 0 || i64::from(*unread) > counted)?;
        Some((row.key, unread))
    };
    Ok(held.into_iter().filter_map(marked).collect())
}

impl Counters {
    fn get(&mut self, key: SessionChatKey) -> StoreResult<&mut Counter> {
        Ok(self.0.get_mut(&key).ok_or_else(|| Error::internal("a chat of the batch is not held"))?)
    }

    /// Counts a message that was not stored before. Read marks were applied before.
    pub(super) fn arrive(
        &mut self,
        key: SessionChatKey,
        id: &str,
        message: &MessageState,
    ) -> StoreResult<()> {
        self.get(key)?.arrive(id, message);
        Ok(())
    }

    /// A stored message changed its time or direction, so what was counted from it no longer holds.
    pub(super) fn unsettle(&mut self, key: SessionChatKey) -> StoreResult<()> {
        let counter = self.get(key)?;
        (counter.recount, counter.search_latest) = (true, true);
        Ok(())
    }

    /// Writes what changed. The messages are written before.
    pub(super) fn store(mut self, connection: &mut Connection, org: OrgId, now: Instant) -> StoreResult<()> {
        let unsettled: Vec<SessionChatKey> = self.keys(|counter| counter.search_latest);
        if !unsettled.is_empty() {
            for (key, latest) in rows::latest_messages(connection, org, &unsettled)? {
                self.get(key)?.now.latest = Some(latest);
            }
        }
        self.0.values_mut().for_each(Counter::settle);
        self.write_changed(connection, org, now)?;

        // Counting reads the marks just written.
        let uncounted: Vec<SessionChatKey> = self.keys(|counter| counter.recount);
        if uncounted.is_empty() {
            return Ok(());
        }
        self.0.retain(|_, counter| counter.recount);
        for counter in self.0.values_mut() {
            counter.before = counter.now.clone();
        }
        for (key, count) in rows::unread_counts(connection, org, &uncounted)? {
            let now = &mut self.get(key)?.now;
            let is_counted = count > 0 || now.read_up_to.is_some();
            now.unread = is_counted.then(|| i32::try_from(count).unwrap_or(i32::MAX));
        }
        for counter in self.0.values_mut() {
            counter.now.unread = counter.now.unread.max(counter.at_least);
        }
        self.write_changed(connection, org, now)
    }

    fn keys(&self, which: impl Fn(&Counter) -> bool) -> Vec<SessionChatKey> {
        self.0.iter().filter(|(_, counter)| which(counter)).map(|(key, _)| *key).collect()
    }

    fn write_changed(&self, connection: &mut Connection, org: OrgId, now: Instant) -> StoreResult<()> {
        let changed: Vec<&SessionChat> = self
            .0
            .values()
            .filter(|counter| counter.now != counter.before)
            .map(|counter| &counter.now)
            .collect();
        if changed.is_empty() { Ok(()) } else { rows::update_session_chats(connection, org, &changed, now) }
    }
}

impl Counter {
    fn new(row: SessionChat) -> Self {
        Self { before: row.clone(), now: row, recount: false, search_latest: false, at_least: None }
    }

    fn see(&mut self, event: &ChatEvent) {
        self.now.archived = event.archived.or(self.now.archived);
        self.now.pinned = event.pinned.or(self.now.pinned);
        self.now.exited = event.exited.or(self.now.exited);
        self.now.muted_until = event.muted_until.clone().into_changeset().or(self.now.muted_until);
    }

    fn read(&mut self, up_to: Instant) {
        let unread = self.now.unread.get_or_insert(0);
        if self.now.read_up_to.is_none_or(|mark| mark < up_to) {
            self.now.read_up_to = Some(up_to);
            // Moving the mark forward can only take away from the count.
            self.recount |= *unread > 0;
            self.at_least = None;
        }
    }

    fn mark(&mut self, count: i32) {
        self.at_least = self.at_least.max(Some(count));
    }

    fn arrive(&mut self, id: &str, message: &MessageState) {
        let is_latest = self
            .now
            .latest
            .as_ref()
            .is_none_or(|(at, latest)| (message.sent_at, id) > (*at, latest.as_str()));
        if is_latest {
            self.now.latest = Some((message.sent_at, id.to_owned()));
        }
        if !message.from_me {
            let is_unread = self.now.read_up_to.is_none_or(|mark| mark < message.sent_at);
            let unread = self.now.unread.get_or_insert(0);
            *unread = unread.saturating_add(i32::from(is_unread));
        }
    }

    /// Everything is read when the newest message is: nothing to count then.
    fn settle(&mut self) {
        let newest = self.now.latest.as_ref().map(|(at, _)| *at);
        if self.recount && self.now.read_up_to.is_some_and(|mark| newest.is_none_or(|newest| newest <= mark))
        {
            self.now.unread = Some(0);
            self.recount = false;
        }
        self.now.unread = self.now.unread.max(self.at_least);
    }
}
