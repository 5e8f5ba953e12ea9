//! Change events about messages.
//!
//! A new message changes its chat's latest message and unread count, which are recorded with the session's chat. Of other
//! changes, those of the latest message are recorded with their fields; of others only that there are some.

use crate::actions::ingest::message_state::MessageState;
use crate::store::Transaction;
use crate::store::events::{DELETED_TEXT, EventKind, FieldChanges, NewEvent};
use crate::store::ingest::{MessageKey, SessionChatKey};

/// The text of a message that is deleted, for the audit log only.
pub(super) fn kept_text(keeps: bool, before: &MessageState, after: &MessageState) -> FieldChanges {
    match keeps && after.body.is_none() {
        true => FieldChanges::default().field(DELETED_TEXT, &before.body, &after.body),
        false => FieldChanges::default(),
    }
}

/// Records a change of a stored message, with fields that are kept of it.
pub(super) fn record_edit(
    tx: &mut Transaction<'_>,
    key: &MessageKey,
    is_latest: bool,
    kept: FieldChanges,
    (before, after): (&MessageState, &MessageState),
) {
    let is_deleted = |message: &MessageState| message.details.get("is_deleted").cloned();
    let mut content =
        FieldChanges::default().field("latest_message.is_deleted", &is_deleted(before), &is_deleted(after));
    // Events outlive the text of a deleted message.
    if after.body.is_some() {
        content = content.field("latest_message.body", &before.body, &after.body);
    }
    let (chat_key, session, kind) = (key.chat.chat_key, Some(key.chat.session), EventKind::Messages);
    if is_latest {
        let changes = content.field("latest_message.ack", &before.ack, &after.ack).with(kept);
        tx.record_changes(chat_key, session, kind, changes);
    } else if !content.is_empty() {
        tx.record(NewEvent { chat_key, session, kind, changes: kept });
    }
}

/// Records that some message of the chat changed.
pub(super) fn record_some(tx: &mut Transaction<'_>, chat: SessionChatKey) {
    let (chat_key, session) = (chat.chat_key, Some(chat.session));
    tx.record(NewEvent { chat_key, session, kind: EventKind::Messages, changes: FieldChanges::default() });
}
