//! Statements of ingest for merges of two chats of one contact. They require the exclusive lock of the organization.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::Value;

use super::changed::Changed;
use super::chats::{self as chat_rows, Chat};
use super::inbox::{self, InboxRow};
use super::members::{self, Member};
use super::messages::{Message, MessageKey, message_columns, message_key};
use super::session_chats::{SessionChatKey, record_attached};
use crate::bulk::{has_key_of, insert_rows, update_rows};
use crate::chat_parts::{self, PartChange};
use crate::connection::{Connection, StoreResult};
use crate::events::{EventKind, FieldChanges};
use crate::list_counts::List;
use crate::org_rows::same_chat;
use crate::schema::{
    chat_access, chat_addresses, chat_labels, chat_members, chat_merges, chat_properties, chats, messages,
    notes, session_chats,
};
use crate::transaction::Transaction;
use crate::{chat_access as access_rows, chat_deletion, chat_labels as label_rows};
use switchboard_core::ids::{OrgId, SessionId};

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
    let insert =
        insert_rows!(org, chat_merges, merges, |merge| { chat_key: merge.from, merged_into: merge.into });
    // Without RETURNING, Citus stores the rows with COPY, which row level security forbids.
    let _: Vec<i64> = insert.returning(chat_merges::chat_key).get_results(connection)?;
    Ok(())
}

/// Updates what all sessions share of the kept chats, and records it as one event a chat.
pub fn update_merged(
    tx: &mut Transaction<'_>,
    chats: &[Changed<Chat>],
    inboxes: &[Changed<InboxRow>],
) -> StoreResult<()> {
    chat_rows::set_chats(tx, chats)?;
    inbox::set(tx, inboxes)?;
    let mut details: BTreeMap<i64, FieldChanges> = chat_rows::details(tx, chats)?.into_iter().collect();
    for row in inboxes {
        let others = details.remove(&row.after.chat_key).unwrap_or_default();
        details.insert(row.after.chat_key, inbox::details(row, others));
    }
    for (chat_key, changes) in details {
        tx.record_changes(chat_key, None, EventKind::Details, changes);
    }
    inbox::record_assignees(tx, inboxes)
}

/// Inserts the rows of removed chats under the kept chats, which keep their own rows. Returns the inserted ones.
macro_rules! keep_rows {
    ($tx:expr, $removed:expr, $table:ident: $($column:ident),+) => {
        $table::table
            .inner_join(chat_merges::table.on(same_chat!(chat_merges, $table)))
            .filter(has_key_of!($tx.org(), $table, $removed, |key| { chat_key: *key }))
            .select(($table::org_id, chat_merges::merged_into, $($table::$column),+))
            .insert_into($table::table)
            .into_columns(($table::org_id, $table::chat_key, $($table::$column),+))
            .on_conflict_do_nothing()
            .returning(($table::chat_key, $($table::$column),+))
            .get_results(&mut **$tx)
    };
}

/// Gives the kept chats the labels, custom properties, access and members that only the removed chats have. What either chat
/// hides from a member stays hidden.
pub fn keep_parts(tx: &mut Transaction<'_>, removed: &[i64]) -> StoreResult<()> {
    let labels: Vec<(i64, String)> = keep_rows!(tx, removed, chat_labels: label_id)?;
    label_rows::record_added(tx, labels)?;
    let properties: Vec<(i64, String, Value)> = keep_rows!(tx, removed, chat_properties: property_id, value)?;
    record_added(tx, EventKind::Properties, properties);
    access_rows::hide_merged(tx, removed)?;
    let access: Vec<(i64, String, bool)> = keep_rows!(tx, removed, chat_access: member_key, allowed)?;
    let access = access.into_iter().map(|(chat_key, id, allowed)| (chat_key, id, allowed.into()));
    record_added(tx, EventKind::Access, access);
    let org = tx.org();
    let members: Vec<Member> = chat_members::table
        .inner_join(chat_merges::table.on(same_chat!(chat_merges, chat_members)))
        .filter(has_key_of!(org, chat_members, removed, |key| { chat_key: *key }))
        .select((
            chat_merges::merged_into,
            chat_members::contact_id,
            chat_members::is_admin,
            chat_members::is_super_admin,
        ))
        .load(&mut **tx)?;
    members::join_members(tx, members)
}

fn record_added(
    tx: &mut Transaction<'_>,
    kind: EventKind,
    rows: impl IntoIterator<Item = (i64, String, Value)>,
) {
    let added =
        rows.into_iter().map(|(chat_key, id, after)| PartChange { chat_key, id, before: Value::Null, after });
    chat_parts::record(tx, kind, added);
}

/// Lets the sessions that hold only a removed chat hold the kept one, under the same id.
pub fn keep_session_chats(tx: &mut Transaction<'_>, removed: &[i64]) -> StoreResult<()> {
    let kept = chats::org_id.eq(chat_merges::org_id).and(chats::chat_key.eq(chat_merges::merged_into));
    let created: Vec<SessionChatKey> = session_chats::table
        .inner_join(chat_merges::table.on(same_chat!(chat_merges, session_chats)))
        .inner_join(chats::table.on(kept))
        .filter(has_key_of!(tx.org(), session_chats, removed, |key| { chat_key: *key }))
        .select((
            session_chats::org_id,
            session_chats::session_id,
            chats::chat_key,
            session_chats::id,
            chats::chat_id.nullable(),
            chats::type_.nullable(),
            session_chats::claimed_by,
        ))
        .insert_into(session_chats::table)
        .into_columns((
            session_chats::org_id,
            session_chats::session_id,
            session_chats::chat_key,
            session_chats::id,
            session_chats::listed_id,
            session_chats::listed_type,
            session_chats::claimed_by,
        ))
        .on_conflict_do_nothing()
        .returning((session_chats::session_id, session_chats::chat_key))
        .get_results(&mut **tx)?;
    record_attached(tx, &created);
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
        .and(kept.field(messages::message_id).eq(messages::message_id))
        .and(kept.field(messages::from_me).eq(messages::from_me))
        .and(kept.field(messages::author).eq(messages::author));
    Ok(messages::table
        .inner_join(chat_merges::table.on(same_chat!(chat_merges, messages)))
        .inner_join(kept.on(same_message))
        .filter(has_key_of!(org, messages, removed, |key| {
            session_id: key.session,
            chat_key: key.chat_key,
        }))
        .select(message_key!())
        .load(connection)?)
}

/// Deletes and returns these messages.
pub fn take_messages(tx: &mut Transaction<'_>, keys: &[MessageKey]) -> StoreResult<Vec<Message>> {
    let is_taken = has_key_of!(tx.org(), messages, keys, |key| {
        session_id: key.chat.session,
        chat_key: key.chat.chat_key,
        message_id: key.id.as_str(),
        from_me: key.from_me,
        author: key.author.as_str(),
    });
    let deleted = diesel::delete(messages::table).filter(is_taken);
    let taken: Vec<Message> = deleted.returning(message_columns!()).get_results(&mut **tx)?;
    for message in &taken {
        tx.count_removed(List::Messages, Some(message.key.chat.session), 1);
    }
    Ok(taken)
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

/// Moves all addresses and notes of the removed chats to the kept ones.
pub fn move_addresses_and_notes(
    connection: &mut Connection,
    org: OrgId,
    merges: &[Merge],
) -> StoreResult<()> {
    update_rows!(org, notes, merges, |merge| { chat_key: merge.from } set { chat_key: merge.into })
        .execute(connection)?;
    update_rows!(org, chat_addresses, merges, |merge| { chat_key: merge.from } set { chat_key: merge.into })
        .execute(connection)?;
    Ok(())
}

/// Deletes these chats of sessions, whose messages have moved, and the chats themselves.
pub fn remove_chats(tx: &mut Transaction<'_>, held: &[SessionChatKey], keys: &[i64]) -> StoreResult<()> {
    let is_removed = has_key_of!(tx.org(), session_chats, held, |key| {
        session_id: key.session,
        chat_key: key.chat_key,
    });
    let columns = (session_chats::session_id, session_chats::chat_key, session_chats::claimed_by);
    let mut removed: Vec<(SessionId, i64, Option<String>)> =
        diesel::delete(session_chats::table).filter(is_removed).returning(columns).get_results(&mut **tx)?;
    // Events are in the same order whatever the database returns first.
    removed.sort_unstable();
    for (session, chat_key, claimed_by) in removed {
        tx.record_detached(chat_key, session, claimed_by);
        tx.count_removed(List::Chats, Some(session), 1);
    }
    chat_deletion::delete_unheld(tx, keys)
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
