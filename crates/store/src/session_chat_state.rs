//! What change events report about a session's view of a chat.

use diesel::prelude::*;

use super::events::{EventKind, FieldChanges};
use super::transaction::Transaction;
use switchboard_core::ids::SessionId;
use switchboard_core::instant::Instant;

/// The columns of `session_chats` that change events report.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct SessionChatState {
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether the session's number has left the group.
    pub exited: bool,
    /// When its mute ends.
    pub muted_until: Option<Instant>,
    /// The read mark.
    pub read_up_to: Option<Instant>,
    /// Number of incoming messages after the read mark.
    pub unread: Option<i32>,
    /// The newest message.
    pub latest_message_id: Option<String>,
    /// When the newest message was sent.
    pub last_message_at: Option<Instant>,
}

/// The columns of a [`SessionChatState`].
macro_rules! state_columns {
    () => {
        (
            session_chats::archived,
            session_chats::pinned,
            session_chats::exited,
            session_chats::muted_until,
            session_chats::read_up_to,
            session_chats::unread,
            session_chats::latest_message_id,
            session_chats::last_message_at,
        )
    };
}
pub(super) use state_columns;

/// Records the change of a session's chat: events of kind `state` and `messages`, and the chat's activity.
pub(super) fn record_update(
    tx: &mut Transaction<'_>,
    session: SessionId,
    chat_key: i64,
    before: &SessionChatState,
    after: &SessionChatState,
) {
    let state = FieldChanges::default()
        .field("archived", &before.archived, &after.archived)
        .field("pinned", &before.pinned, &after.pinned)
        .field("exited", &before.exited, &after.exited)
        .field("muted_until", &before.muted_until, &after.muted_until);
    tx.record_changes(chat_key, Some(session), EventKind::State, state);
    let messages = FieldChanges::default()
        .field("unread", &before.unread, &after.unread)
        .field("read_up_to", &before.read_up_to, &after.read_up_to)
        .field("latest_message_id", &before.latest_message_id, &after.latest_message_id)
        .field("last_message_at", &before.last_message_at, &after.last_message_at);
    tx.record_changes(chat_key, Some(session), EventKind::Messages, messages);
    if before.activity() != after.activity() {
        tx.activity_changed(chat_key);
    }
}

impl SessionChatState {
    /// What `chat_activity` has of it.
    fn activity(&self) -> (Option<Instant>, bool) {
        (self.last_message_at, self.unread.is_some_and(|unread| unread > 0))
    }
}
