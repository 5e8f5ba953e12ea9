//! Change events about messages.
//!
//! A new message changes its chat's latest message and unread count, which are recorded with the session's chat. Of other
//! changes, those of the latest message are recorded with their fields; of others only that there are some.

use crate::actions::ingest::message_state::MessageState;
use crate::store::Transaction;
use crate::store::events::{EventKind, FieldChanges, NewEvent};
use crate::store::ingest::{MessageKey, SessionChatKey};

/// Records a change of a stored message.
pub(super) fn record_edit(
    tx: &mut Transaction<'_>,
    key: &MessageKey,
    is_latest: bool,
    before: &MessageState,
    after: &MessageState,
) {
    let is_deleted = |message: &MessageState| message.details.get("is_deleted").cloned();
    let content = FieldChanges::default().field("latest_message.body", &before.body, &after.body).field(
        "latest_message.is_deleted",
        &is_deleted(before),
        &is_deleted(after),
    );
    if is_latest {
        let changes = content.field("latest_message.ack", &before.ack, &after.ack);
        tx.record_changes(key.chat.chat_key, Some(key.chat.session), EventKind::Messages, changes);
    } else if !content.is_empty() {
        record_some(tx, key.chat);
    }
}

/// Records that some message of the chat changed.
pub(super) fn record_some(tx: &mut Transaction<'_>, chat: SessionChatKey) {
    let (chat_key, session) = (chat.chat_key, Some(chat.session));
    tx.record(NewEvent { chat_key, session, kind: EventKind::Messages, changes: FieldChanges::default() });
}
