//! Merges the chat of a LID into the chat of its phone number.
//!
//! What the phone number's chat has is kept; it takes over what only the LID's chat has. A member from whom either is hidden
//! does not see the merged one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plan::{merge_session_chats, move_messages};
use crate::instant::Instant;
use crate::store::commands::{self, CommandRow};
use crate::store::ingest::inbox::{self, InboxRow};
use crate::store::ingest::{self as rows, Changed, Chat, Merge, SessionChat, SessionChatKey};
use crate::store::{StoreResult, Transaction};

/// Merges chats; each occurs once. Requires the exclusive lock of the organization.
pub(super) fn merge_chats(tx: &mut Transaction<'_>, merges: &[Merge]) -> StoreResult<()> {
    let org = tx.org();
    let into: BTreeMap<i64, i64> = merges.iter().map(|merge| (merge.from, merge.into)).collect();
    let removed: Vec<i64> = into.keys().copied().collect();
    rows::add_merges(tx, org, merges)?;
    merge_shared(tx, &into)?;
    rows::keep_parts(tx, &removed)?;
    rows::keep_session_chats(tx, &removed)?;
    let held = rows::session_chat_keys(tx, org, &removed)?;
    move_messages(tx, &held, &into)?;
    let merged = merge_session_chats(tx, &into)?;
    move_commands(tx, &held, &into, &merged)?;
    rows::move_addresses_and_notes(tx, org, merges)?;
    rows::remove_chats(tx, &held, &removed)
}

/// Merges what all sessions share of the chats.
fn merge_shared(tx: &mut Transaction<'_>, into: &BTreeMap<i64, i64>) -> StoreResult<()> {
    let (org, now) = (tx.org(), Instant::now());
    let both: Vec<i64> = into.iter().flat_map(|(removed, kept)| [*removed, *kept]).collect();
    let mut chats: BTreeMap<i64, Chat> =
        rows::lock_chats(tx, org, &both)?.into_iter().map(|chat| (chat.chat_key, chat)).collect();
    let mut inboxes: BTreeMap<i64, InboxRow> =
        inbox::lock(tx, org, &both)?.into_iter().map(|row| (row.chat_key, row)).collect();
    let (mut kept_chats, mut kept_inboxes) = (Vec::new(), Vec::new());
    for (removed, kept) in into {
        if let (Some(removed), Some(before)) = (chats.remove(removed), chats.remove(kept)) {
            let mut after = Chat { updated_at: now, ..before.clone() };
            take_over_chat(&mut after, removed);
            kept_chats.extend(Changed::new(before, after));
        }
        if let (Some(removed), Some(before)) = (inboxes.remove(removed), inboxes.remove(kept)) {
            let mut after = InboxRow { updated_at: now, ..before.clone() };
            take_over_inbox(&mut after, removed);
            kept_inboxes.extend(Changed::new(before, after));
        }
    }
    rows::update_merged(tx, &kept_chats, &kept_inboxes)
}

fn take_over_chat(chat: &mut Chat, removed: Chat) {
    // `user` that was not reported is the default.
    if chat.kind == "user" && !chat.field_times.0.contains_key("type") {
        chat.kind = removed.kind;
    }
    chat.name = chat.name.take().or(removed.name);
    chat.image = chat.image.take().or(removed.image);
    chat.description = chat.description.take().or(removed.description);
    chat.invite_link = chat.invite_link.take().or(removed.invite_link);
    chat.info_admins_only = chat.info_admins_only.or(removed.info_admins_only);
    chat.messages_admins_only = chat.messages_admins_only.or(removed.messages_admins_only);
    chat.add_members_admins_only = chat.add_members_admins_only.or(removed.add_members_admins_only);
    chat.member_add_mode = chat.member_add_mode.take().or(removed.member_add_mode);
    chat.created_at = chat.created_at.or(removed.created_at);
    rows::add_times(&mut chat.field_times.0, removed.field_times.0);
    rows::add_times(&mut chat.member_times.0, removed.member_times.0);
}

fn take_over_inbox(inbox: &mut InboxRow, removed: InboxRow) {
    inbox.assignee = inbox.assignee.take().or(removed.assignee);
    inbox.closed_at = inbox.closed_at.or(removed.closed_at);
    if let (Value::Object(metadata), Value::Object(removed)) =
        (&mut inbox.hubspot_metadata, removed.hubspot_metadata)
    {
        for (key, value) in removed {
            metadata.entry(key).or_insert(value);
        }
    }
}

/// Moves pending commands to the kept chats, whose merged state they send.
fn move_commands(
    tx: &mut Transaction<'_>,
    removed: &[SessionChatKey],
    into: &BTreeMap<i64, i64>,
    merged: &BTreeMap<SessionChatKey, SessionChat>,
) -> StoreResult<()> {
    let org = tx.org();
    let moved = commands::of_chats(tx, org, removed)?;
    if moved.is_empty() {
        return Ok(());
    }
    let pending = commands::of_chats(tx, org, &merged.keys().copied().collect::<Vec<_>>())?;
    let moved = moved.into_iter().filter_map(|command| {
        let key = SessionChatKey { chat_key: *into.get(&command.key.chat_key)?, ..command.key };
        // A chat is unread when either of the two was marked as unread.
        let is_marked_unread = |other: &CommandRow| other.key == key && other.field == "read" && !other.flag;
        let is_read = command.flag && !pending.iter().any(is_marked_unread);
        Some(merged_command(key, merged.get(&key)?, command.field, is_read))
    });
    commands::replace(tx, org, &moved.collect::<Vec<_>>())
}

/// The command that sends the merged state of a field.
fn merged_command(key: SessionChatKey, chat: &SessionChat, field: String, is_read: bool) -> CommandRow {
    let muted_until = chat.muted_until.flatten();
    let (flag, at) = match field.as_str() {
        "archived" => (chat.archived.unwrap_or_default(), None),
        "pinned" => (chat.pinned.unwrap_or_default(), None),
        "muted" => (muted_until.is_some(), muted_until),
        _ => (is_read, chat.read_up_to.filter(|_| is_read)),
    };
    CommandRow { key, field, flag, at }
}
