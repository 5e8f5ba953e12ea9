//! Change events about messages.
//!
//! Each names its message. What a message changes in its chat (latest message, unread count) is added to its event when
//! the session's chat is written.

use std::collections::BTreeSet;

use crate::actions::ingest::message_state::MessageState;
use crate::store::Transaction;
use crate::store::events::{DELETED_TEXT, EventKind, EventMessage, FieldChanges, NewEvent};
use crate::store::ingest::MessageKey;

/// The text of a message that is deleted, for the audit log only.
pub(super) fn kept_text(keeps: bool, before: &MessageState, after: &MessageState) -> FieldChanges {
    match keeps && after.body.is_none() {
        true => FieldChanges::default().field(DELETED_TEXT, &before.body, &after.body),
        false => FieldChanges::default(),
    }
}

/// Records that a message was stored, or that one has another id from now on.
pub(super) fn record_new(tx: &mut Transaction<'_>, key: &MessageKey, is_renamed: bool) {
    let kind = if is_renamed { EventKind::MessageUpdated } else { EventKind::MessageCreated };
    record(tx, kind, key, FieldChanges::default());
}

/// Records a change of a stored message, with fields that are kept of it, and changed reactions to it.
pub(super) fn record_edit(
    tx: &mut Transaction<'_>,
    key: &MessageKey,
    is_latest: bool,
    kept: FieldChanges,
    (before, after): (&MessageState, &MessageState),
) {
    let is_deleted = |message: &MessageState| message.details.get("is_deleted").cloned();
    let reason = |message: &MessageState| message.delivery.as_ref()?.failure_reason.clone();
    let (was_deleted, is_deleted) = (is_deleted(before), is_deleted(after));
    let kind = if was_deleted != is_deleted && is_deleted == Some(true.into()) {
        EventKind::MessageDeleted
    } else {
        EventKind::MessageUpdated
    };
    let mut changes = FieldChanges::default()
        .field("latest_message.is_deleted", &was_deleted, &is_deleted)
        .field("latest_message.ack", &before.ack, &after.ack)
        .field("latest_message.failure_reason", &reason(before), &reason(after));
    // Events outlive the text of a deleted message.
    if after.body.is_some() {
        changes = changes.field("latest_message.body", &before.body, &after.body);
    }
    if !changes.is_empty() || shown(before) != shown(after) {
        record(tx, kind, key, if is_latest { changes.with(kept) } else { kept });
    }
    record_reactions(tx, key, before, after);
}

/// What is shown of a message besides its reactions, which have events of their own, and its receipts: in a large group each
/// message has thousands, and each event has the message with all of them. Without its version: a message that is reported
/// again unchanged is not updated.
fn shown(message: &MessageState) -> impl PartialEq {
    (&message.sender, &message.kind, &message.body, &message.details)
}

/// Records an event for each reaction that changed.
fn record_reactions(tx: &mut Transaction<'_>, key: &MessageKey, before: &MessageState, after: &MessageState) {
    let emoji = |message: &MessageState, by: &String| {
        message.reactions.get(by).map(|(_, emoji)| emoji.clone()).filter(|emoji| !emoji.is_empty())
    };
    let people: BTreeSet<&String> = before.reactions.keys().chain(after.reactions.keys()).collect();
    for by in people {
        let (old, new) = (emoji(before, by), emoji(after, by));
        let kind = if new.is_some() { EventKind::ReactionAdded } else { EventKind::ReactionRemoved };
        let changes = FieldChanges::default().field(&format!("reactions.{by}"), &old, &new);
        if !changes.is_empty() {
            record(tx, kind, key, changes);
        }
    }
}

fn record(tx: &mut Transaction<'_>, kind: EventKind, key: &MessageKey, changes: FieldChanges) {
    let (chat_key, session) = (key.chat.chat_key, Some(key.chat.session));
    let message = Some(EventMessage { id: key.id.clone(), from_me: key.from_me, author: key.author.clone() });
    tx.record(NewEvent { chat_key, session, kind, changes, message });
}
