//! A session's view of one chat: flags, read mark, unread count, latest message.

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
}

impl Entry {
    pub(super) fn new(row: SessionChat) -> Self {
        let before = row.clone();
        Self { before, now: row, recount: false, find_latest: false, new_latest: None }
    }

    pub(super) fn recounted(row: SessionChat) -> (SessionChatKey, Self) {
        (row.key, Self { recount: true, find_latest: true, ..Self::new(row) })
    }

    pub(super) fn apply_waiting(&mut self, waiting: &WaitingUpdate) {
        match waiting.kind.as_str() {
            rows::READ_MARK => self.read(waiting.at),
            rows::UNREAD => {
                let count = waiting.value.as_ref().and_then(|count| count.parse().ok());
                self.mark_unread(count);
            }
            _ => {}
        }
    }

    pub(super) fn apply(&mut self, reported: Reported, change: &ChatChange, is_of_list: bool) {
        let (new_pinned, new_muted_until) = match is_of_list {
            true => self.listed_news(change),
            false => (change.pinned, change.muted_until.clone()),
        };
        let SessionChat { archived, pinned, exited, muted_until, field_times, .. } = &mut self.now;
        let flags = [
            ("archived", archived, change.archived),
            ("pinned", pinned, new_pinned),
            ("exited", exited, change.exited),
        ];
        for (field, stored, new) in flags {
            reported.merge(field_times, field, stored, &new.map_or(Patch::Keep, Patch::Set));
        }
        let mut until = muted_until.flatten();
        if reported.merge(field_times, "muted_until", &mut until, &new_muted_until) {
            *muted_until = Some(until);
        }
    }

    /// The pin and the mute of a list, if they differ from the previous list.
    ///
    /// Gateways that list them do not apply changes of them: a list without a change that was made here is no news.
    fn listed_news(&mut self, change: &ChatChange) -> (Option<bool>, Patch<Instant>) {
        let (is_pin_known, is_mute_known) = (self.now.pinned.is_some(), self.now.muted_until.is_some());
        let is_news = |pinned: &bool| self.is_news("listed_pinned", (*pinned).into(), is_pin_known);
        let pinned = change.pinned.filter(is_news);
        let until = match &change.muted_until {
            Patch::Keep => return (pinned, Patch::Keep),
            Patch::Clear => 0,
            Patch::Set(until) => until.micros(),
        };
        match self.is_news("listed_muted_until", until, is_mute_known) {
            true => (pinned, change.muted_until.clone()),
            false => (pinned, Patch::Keep),
        }
    }

    /// Whether a gateway lists another value of a flag than before. The first one is news unless it is the default of a flag
    /// that is known.
    fn is_news(&mut self, field: &str, listed: i64, is_known: bool) -> bool {
        match self.now.field_times.insert(field.to_owned(), listed) {
            Some(before) => before != listed,
            None => listed != 0 || !is_known,
        }
    }

    /// Adopts the state that the session has of a merged chat only; the later read mark and the greater mark as unread count.
    pub(super) fn merge(&mut self, removed: SessionChat) {
        self.now.archived = self.now.archived.or(removed.archived);
        self.now.pinned = self.now.pinned.or(removed.pinned);
        self.now.exited = self.now.exited.or(removed.exited);
        self.now.muted_until = self.now.muted_until.or(removed.muted_until);
        self.now.read_up_to = self.now.read_up_to.max(removed.read_up_to);
        self.now.min_unread = self.now.min_unread.max(removed.min_unread);
        self.now.claimed_by = self.now.claimed_by.take().filter(|_| removed.claimed_by.is_some());
        rows::add_times(&mut self.now.field_times, removed.field_times);
    }

    pub(super) fn read(&mut self, up_to: Instant) {
        let unread = self.now.unread.get_or_insert(0);
        if self.now.read_up_to.is_none_or(|mark| mark < up_to) {
            self.now.read_up_to = Some(up_to);
            // A later mark can only lower the count.
            self.recount |= *unread > 0;
            self.now.min_unread = None;
        }
    }

    /// Marks the chat as unread; a count of 0 withdraws that, and makes the count known.
    pub(super) fn mark_unread(&mut self, count: Option<i32>) {
        if count == Some(0) {
            self.recount |= self.now.min_unread > count;
            self.now.min_unread = count;
        } else {
            self.now.min_unread = self.now.min_unread.max(count);
        }
    }

    /// [`Self::mark_unread`] as a gateway lists it. That a chat is not marked counts only if it was listed as marked before.
    pub(super) fn list_unread(&mut self, count: i32) {
        let was_marked =
            self.now.field_times.insert("listed_unread".to_owned(), i64::from(count > 0)) == Some(1);
        if count > 0 || was_marked {
            self.mark_unread(Some(count));
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
            // At its minimum it may be more than the number of messages.
            self.recount |= is_unread && self.now.min_unread.is_some_and(|min| min > 0 && *unread <= min);
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
        self.now.unread = self.now.unread.max(self.now.min_unread);
    }
}
