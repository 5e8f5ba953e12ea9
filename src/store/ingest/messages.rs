//! Statements of ingest for messages and pending receipts.

use diesel::dsl::not;
use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value;

use super::session_chats::SessionChatKey;
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::bulk::{has_key_of, insert_rows, replace_columns};
use crate::store::connection::{Connection, StoreResult};
use crate::store::full_text::search_vector;
use crate::store::list_counts::List;
use crate::store::schema::{messages, pending_receipts};
use crate::store::transaction::Transaction;

/// The key of a session's message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Queryable)]
pub struct MessageKey {
    /// The session and the chat.
    pub chat: SessionChatKey,
    /// WhatsApp's id.
    pub id: String,
}

/// A message's row.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct Message {
    /// The key.
    pub key: MessageKey,
    /// When it was sent.
    pub sent_at: Instant,
    /// When WhatsApp last changed it.
    pub updated_at: Option<Instant>,
    /// 0 pending … 4 read.
    pub ack: Option<i16>,
    /// Whether the session sent it.
    pub from_me: bool,
    /// The contact that sent it.
    pub sender: Option<String>,
    /// WhatsApp's message type.
    pub kind: Option<String>,
    /// The text.
    pub body: Option<String>,
    /// See `messages.delivery`.
    pub delivery: Option<Value>,
    /// See `messages.details`.
    pub details: Value,
    /// See `messages.field_times`.
    pub field_times: Option<Value>,
    /// The text as first sent, when it is neither the present nor the previous one.
    pub first_body: Option<String>,
    /// See `messages.reactions`.
    pub reactions: Option<Value>,
    /// Whether it is neither counted as unread nor a chat's latest message.
    pub silent: bool,
}

/// An update whose message is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub struct PendingReceipt {
    /// The message.
    pub message: MessageKey,
    /// See `pending_receipts.contact_id`.
    pub contact: String,
    /// See `pending_receipts.kind`.
    pub kind: String,
    /// When.
    pub at: Instant,
    /// See `pending_receipts.value`.
    pub value: Option<String>,
}

/// Kinds of updates of which the newest counts; of the others it is the earliest.
const NEWEST_COUNTS: [&str; 3] = ["failed", "edit", "reaction"];

impl PendingReceipt {
    /// Whether this one counts, and not the other of the same kind and contact.
    pub fn counts_before(&self, other: &Self) -> bool {
        match NEWEST_COUNTS.contains(&self.kind.as_str()) {
            true => (self.at, &self.value) > (other.at, &other.value),
            false => self.at < other.at,
        }
    }
}

/// The columns of a [`Message`].
macro_rules! message_columns {
    () => {
        (
            ((messages::session_id, messages::chat_key), messages::message_id),
            messages::sent_at,
            messages::updated_at,
            messages::ack,
            messages::from_me,
            messages::sender,
            messages::type_,
            messages::body,
            messages::delivery,
            messages::details,
            messages::field_times,
            messages::first_body,
            messages::reactions,
            messages::silent,
        )
    };
}
pub(in crate::store) use message_columns;

/// The columns of a [`PendingReceipt`].
macro_rules! receipt_columns {
    () => {
        (
            ((pending_receipts::session_id, pending_receipts::chat_key), pending_receipts::message_id),
            pending_receipts::contact_id,
            pending_receipts::kind,
            pending_receipts::at,
            pending_receipts::value,
        )
    };
}
pub(in crate::store) use receipt_columns;

/// The stored ones among these messages.
pub fn messages_by_key(
    connection: &mut Connection,
    org: OrgId,
    keys: &[&MessageKey],
) -> StoreResult<Vec<Message>> {
    let is_wanted = has_key_of!(org, messages, keys, |key| {
        session_id: key.chat.session,
        chat_key: key.chat.chat_key,
        message_id: key.id.as_str(),
    });
    Ok(messages::table.filter(is_wanted).select(message_columns!()).load(connection)?)
}

/// Inserts or replaces these messages, in the order of their arrival. `added` has how many of them are new, by session.
/// Returns the number of the arrival of each.
pub fn write_messages(
    tx: &mut Transaction<'_>,
    rows: &[Message],
    added: &[(SessionId, usize)],
) -> StoreResult<Vec<(MessageKey, i64)>> {
    let org = tx.org();
    let insert = insert_rows!(org, messages, rows, |row| {
        session_id: row.key.chat.session,
        chat_key: row.key.chat.chat_key,
        message_id: row.key.id.as_str(),
        sent_at: row.sent_at,
        updated_at: row.updated_at,
        ack: row.ack,
        from_me: row.from_me,
        sender: row.sender.as_deref(),
        type_: row.kind.as_deref(),
        body: row.body.as_deref(),
        delivery: row.delivery.as_ref(),
        details: &row.details,
        field_times: row.field_times.as_ref(),
        first_body: row.first_body.as_deref(),
        reactions: row.reactions.as_ref(),
        silent: row.silent,
        search: search_vector(org, row.body.as_deref(), &row.details),
    });
    let written = insert
        .on_conflict((messages::org_id, messages::session_id, messages::chat_key, messages::message_id))
        .do_update()
        .set(replace_columns!(
            messages: updated_at, ack, sender, type_, body, delivery, details, field_times, first_body, reactions, silent, search
        ))
        .returning((((messages::session_id, messages::chat_key), messages::message_id), messages::arrival))
        .get_results(&mut **tx)?;
    for (session, messages) in added {
        tx.count_added(List::Messages, Some(*session), *messages);
    }
    Ok(written)
}

/// Stores updates until their message arrives; of two equal ones the one that counts is kept.
pub fn add_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    rows: &[PendingReceipt],
) -> StoreResult<()> {
    let insert = insert_rows!(org, pending_receipts, rows, |row| {
        session_id: row.message.chat.session,
        chat_key: row.message.chat.chat_key,
        message_id: row.message.id.as_str(),
        contact_id: row.contact.as_str(),
        kind: row.kind.as_str(),
        at: row.at,
        value: row.value.as_deref(),
    });
    let upsert = insert
        .on_conflict((
            pending_receipts::org_id,
            pending_receipts::session_id,
            pending_receipts::chat_key,
            pending_receipts::message_id,
            pending_receipts::contact_id,
            pending_receipts::kind,
        ))
        .do_update()
        .set(replace_columns!(pending_receipts: at, value));
    // `QueryDsl` has no `filter` for an upsert.
    let (at, other_at) = (pending_receipts::at, excluded(pending_receipts::at));
    let is_greater = excluded(pending_receipts::value).gt(pending_receipts::value);
    let is_newer = other_at.gt(at).or(other_at.eq(at).and(is_greater.assume_not_null()));
    let newest_counts = || pending_receipts::kind.eq_any(NEWEST_COUNTS);
    let counts = newest_counts().and(is_newer).or(not(newest_counts()).and(other_at.lt(at)));
    diesel::query_dsl::methods::FilterDsl::filter(upsert, counts).execute(connection)?;
    Ok(())
}

/// Deletes and returns the pending receipts of these messages.
pub fn take_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[&MessageKey],
) -> StoreResult<Vec<PendingReceipt>> {
    let is_wanted = has_key_of!(org, pending_receipts, keys, |key| {
        session_id: key.chat.session,
        chat_key: key.chat.chat_key,
        message_id: key.id.as_str(),
    });
    let deleted = diesel::delete(pending_receipts::table).filter(is_wanted);
    Ok(deleted.returning(receipt_columns!()).get_results(connection)?)
}
