//! Statements of ingest for merges of two chats of one contact. They require the exclusive lock of the organization.

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, update_rows};
use super::messages::{Message, MessageKey, PendingReceipt, message_columns, receipt_columns};
use super::session_chats::SessionChatKey;
use crate::ids::OrgId;
use crate::store::connection::{Connection, StoreResult};
use crate::store::org_rows::same_chat;
use crate::store::schema::{
    chat_access, chat_addresses, chat_labels, chat_members, chat_merges, chat_properties, chats, events,
    messages, pending_receipts, session_chats,
};

/// A merge of two chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The chat that is removed.
    pub from: i64,
    /// The chat that is kept.
    pub into: i64,
}

/// Stores which chats are merged; the other statements read it. Each chat occurs once.
pub fn add_merges(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    // Chats that were merged into a removed one before.
    update_rows!(org, chat_merges, merges, |merge| { merged_into: merge.from } set { merged_into: merge.into })
        .execute(connection)?;
    insert_rows!(org, chat_merges, merges, |merge| { chat_key: merge.from, merged_into: merge.into })
        .execute(connection)?;
    Ok(())
}

/// Inserts the rows of the removed chats under the kept chats, which keep their own rows. Returns the inserted rows.
macro_rules! keep_rows {
    ($connection:expr, $org:expr, $removed:expr, $table:ident: $($column:ident),+) => {
        $table::table
            .inner_join(chat_merges::table.on(same_chat!(chat_merges, $table)))
            .filter(has_key_of!($org, $table, $removed, |key| { chat_key: *key }))
            .select(($table::org_id, chat_merges::merged_into, $($table::$column),+))
            .insert_into($table::table)
            .into_columns(($table::org_id, $table::chat_key, $($table::$column),+))
            .on_conflict_do_nothing()
            .execute($connection)
    };
}

/// Copies labels, custom properties, access and members of removed chats to the kept ones.
pub fn keep_parts(connection: &mut Connection, org: OrgId, removed: &[i64]) -> StoreResult<()> {
    keep_rows!(connection, org, removed, chat_labels: label_id)?;
    keep_rows!(connection, org, removed, chat_properties: property_id, value)?;
    keep_rows!(connection, org, removed, chat_access: member_key, allowed)?;
    keep_rows!(connection, org, removed, chat_members: contact_id, is_admin, is_super_admin)?;
    Ok(())
}

/// Lets the sessions that hold only a removed chat hold the kept one, under the same id.
pub fn keep_session_chats(connection: &mut Connection, org: OrgId, removed: &[i64]) -> StoreResult<()> {
    keep_rows!(connection, org, removed, session_chats: session_id, id)?;
    Ok(())
}

/// The messages of removed chats that the kept chats have, too.
pub fn duplicate_messages(
    connection: &mut Connection,
    org: OrgId,
    removed: &[SessionChatKey],
) -> StoreResult<Vec<MessageKey>> {
    let kept = diesel::alias!(messages as kept_messages);
    let same_message = kept
        .field(messages::org_id)
        .eq(messages::org_id)
        .and(kept.field(messages::session_id).eq(messages::session_id))
        .and(kept.field(messages::chat_key).eq(chat_merges::merged_into))
        .and(kept.field(messages::message_id).eq(messages::message_id));
    Ok(messages::table
        .inner_join(chat_merges::table.on(same_chat!(chat_merges, messages)))
        .inner_join(kept.on(same_message))
        .filter(has_key_of!(org, messages, removed, |key| {
            session_id: key.session,
            chat_key: key.chat_key,
        }))
        .select(((messages::session_id, messages::chat_key), messages::message_id))
        .load(connection)?)
}

/// Deletes and returns these messages.
pub fn take_messages(
    connection: &mut Connection,
    org: OrgId,
    keys: &[MessageKey],
) -> StoreResult<Vec<Message>> {
    let is_taken = has_key_of!(org, messages, keys, |key| {
        session_id: key.chat.session,
        chat_key: key.chat.chat_key,
        message_id: key.id.as_str(),
    });
    let deleted = diesel::delete(messages::table).filter(is_taken);
    Ok(deleted.returning(message_columns!()).get_results(connection)?)
}

/// Moves all messages of sessions' chats to other chats of the same sessions.
pub fn move_messages(
    connection: &mut Connection,
    org: OrgId,
    moves: &[(SessionChatKey, i64)],
) -> StoreResult<()> {
    let update = update_rows!(org, messages, moves, |row| {
        session_id: row.0.session,
        chat_key: row.0.chat_key,
    } set {
        chat_key: row.1,
    });
    update.execute(connection)?;
    Ok(())
}

/// Deletes and returns the pending receipts of these chats of sessions.
pub fn take_receipts_of_chats(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<PendingReceipt>> {
    let is_taken = has_key_of!(org, pending_receipts, keys, |key| {
        session_id: key.session,
        chat_key: key.chat_key,
    });
    let deleted = diesel::delete(pending_receipts::table).filter(is_taken);
    Ok(deleted.returning(receipt_columns!()).get_results(connection)?)
}

/// Moves all addresses of the removed chats to the kept ones.
pub fn move_addresses(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    update_rows!(org, chat_addresses, merges, |merge| { chat_key: merge.from } set { chat_key: merge.into })
        .execute(connection)?;
    Ok(())
}

/// Moves all events of the removed chats to the kept ones.
pub fn move_events(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    update_rows!(org, events, merges, |merge| { chat_key: merge.from } set { chat_key: merge.into })
        .execute(connection)?;
    Ok(())
}

/// Deletes these chats with everything that is left in them.
pub fn remove_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<()> {
    // First, so that a subscriber to both kinds of change events receives the chat's deletion last.
    let views = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys));
    diesel::delete(views).execute(connection)?;
    diesel::delete(chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.eq_any(keys)))
        .execute(connection)?;
    Ok(())
}

/// The keys of these chats in all sessions.
pub fn session_chat_keys(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
) -> StoreResult<Vec<SessionChatKey>> {
    Ok(session_chats::table
        .filter(has_key_of!(org, session_chats, keys, |key| { chat_key: *key }))
        .order((session_chats::session_id, session_chats::chat_key))
        .select((session_chats::session_id, session_chats::chat_key))
        .load(connection)?)
}

/// Stored messages of these chats of sessions that have pending receipts.
pub fn messages_with_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<MessageKey>> {
    let message = same_chat!(messages, pending_receipts)
        .and(messages::session_id.eq(pending_receipts::session_id))
        .and(messages::message_id.eq(pending_receipts::message_id));
    Ok(pending_receipts::table
        .inner_join(messages::table.on(message))
        .filter(has_key_of!(org, pending_receipts, keys, |key| {
            session_id: key.session,
            chat_key: key.chat_key,
        }))
        .select(((messages::session_id, messages::chat_key), messages::message_id))
        .distinct()
        .load(connection)?)
}
