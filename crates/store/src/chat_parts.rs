//! Change events of the rows that belong to a chat: labels, values of properties, access, members.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde_json::Value;

use super::events::{EventKind, FieldChanges};
use super::transaction::Transaction;

/// A changed row of a chat.
pub(super) struct PartChange<I> {
    /// The chat.
    pub(super) chat_key: i64,
    /// What identifies the row in its chat.
    pub(super) id: I,
    /// The previous value; null for a new row.
    pub(super) before: Value,
    /// The current value; null for a deleted row.
    pub(super) after: Value,
}

/// Records one event a chat, with the field `<kind>.<id>` for each changed row. Returns the chats.
pub(super) fn record<I: Display>(
    tx: &mut Transaction<'_>,
    kind: EventKind,
    parts: impl IntoIterator<Item = PartChange<I>>,
) -> BTreeSet<i64> {
    let mut by_chat: BTreeMap<i64, FieldChanges> = BTreeMap::new();
    for PartChange { chat_key, id, before, after } in parts {
        by_chat.entry(chat_key).or_default().set(format!("{}.{id}", kind.as_str()), before, after);
    }
    let chats = by_chat.keys().copied().collect();
    for (chat_key, changes) in by_chat {
        tx.record_changes(chat_key, None, kind, changes);
    }
    chats
}
