//! A session's view of one chat: flags, read mark, unread count, latest message.

use std::collections::BTreeMap;

use super::versions::Reported;
use crate::actions::ingest::change::ChatChange;
use crate::actions::ingest::message_state::MessageState;
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::ingest::{self as rows, Latest, MessageKey, SessionChat, SessionChatKey, WaitingUpdate};

/// What a session sees of a chat, and what must be looked up before it is written.
pub(super) struct Entry {
    pub(super) before: SessionChat,
    pub(super) now: SessionChat,
    /// Whether the unread count does not follow from the batch alone.
    pub(super) recount: bool,
    /// Whether the latest message does not follow from the batch alone.
    pub(super) find_latest: bool,
    /// The new message that is the latest one.
    pub(super) new_latest: Option<MessageKey>,
    /// The chat was marked as unread: the unread count is at least this.
    pub(super) min_unread: Option<i32>,
}

impl Entry {
    pub(super) fn new(row: SessionChat) -> Self {
        let before = row.clone();
        Self { before, now: row, recount: false, find_latest: false, new_latest: None, min_unread: None }
    }

    pub(super) fn recounted(
        row: SessionChat,
        marked: &BTreeMap<SessionChatKey, i32>,
    ) -> (SessionChatKey, Self) {
        let min_unread = marked.get(&row.key).copied();
        (row.key, Self { recount: true, find_latest: true, min_unread, ..Self::new(row) })
    }

    pub(super) fn apply_waiting(&mut self, waiting: &WaitingUpdate) {
        match waiting.kind.as_str() {
            rows::READ_MARK => self.read(waiting.at),
            rows::UNREAD => {
                let count = waiting.value.as_ref().and_then(|count| count.parse().ok());
                self.min_unread = self.min_unread.max(count);
            }
            _ => {}
        }
    }

    pub(super) fn apply(&mut self, reported: Reported, change: &ChatChange) {
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

    /// Adopts the state that the session has of a merged chat only; the later read mark counts.
    pub(super) fn merge(&mut self, removed: SessionChat) {
        self.now.archived = self.now.archived.or(removed.archived);
        self.now.pinned = self.now.pinned.or(removed.pinned);
        self.now.exited = self.now.exited.or(removed.exited);
        self.now.muted_until = self.now.muted_until.or(removed.muted_until);
        self.now.read_up_to = self.now.read_up_to.max(removed.read_up_to);
        self.now.claimed_by = self.now.claimed_by.take().filter(|_| removed.claimed_by.is_some());
        rows::add_times(&mut self.now.field_times, removed.field_times);
    }

    pub(super) fn read(&mut self, up_to: Instant) {
        let unread = self.now.unread.get_or_insert(0);
        if self.now.read_up_to.is_none_or(|mark| mark < up_to) {
            self.now.read_up_to = Some(up_to);
            // A later mark can only lower the count.
            self.recount |= *unread > 0;
            self.min_unread = None;
        }
    }

    /// Messages must be added in the order of their arrival.
    pub(super) fn add_message(&mut self, key: &MessageKey, message: &MessageState) {
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
    pub(super) fn skip_recount_when_read(&mut self) {
        let newest = self.now.latest.as_ref().map(|latest| latest.sent_at);
        let is_read = |mark| newest.is_none_or(|newest| newest <= mark);
        if self.recount && self.now.read_up_to.is_some_and(is_read) {
            self.now.unread = Some(0);
            self.recount = false;
        }
        self.now.unread = self.now.unread.max(self.min_unread);
    }
}
