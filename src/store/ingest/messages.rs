//! Statements of ingest for messages and pending receipts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid};
use diesel::upsert::excluded;
use serde_json::Value;

use super::SessionChatKey;
use super::bulk::{array, key_in, texts, unnest};
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{messages, pending_receipts};

/// The key of a session's message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// The session and the chat.
    pub chat: SessionChatKey,
    /// WhatsApp's id.
    pub id: String,
}

/// A message's row.
#[derive(Clone, Debug, PartialEq)]
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
}

/// A receipt whose message is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingReceipt {
    /// The message.
    pub message: MessageKey,
    /// The contact that received or read it; empty for a deletion.
    pub contact: String,
    /// `sent`, `server`, `delivered`, `read`, `played` or `deleted`.
    pub kind: String,
    /// When.
    pub at: Instant,
}

type Keys = (Vec<SessionId>, Vec<i64>, Vec<String>);

fn columns<'a>(keys: impl Iterator<Item = &'a MessageKey>) -> Keys {
    let mut columns = Keys::default();
    for key in keys {
        columns.0.push(key.chat.session);
        columns.1.push(key.chat.chat_key);
        columns.2.push(key.id.clone());
    }
    columns
}

/// A row of [`COLUMNS`].
pub(in crate::store) type Row = (
    (SessionId, i64, String),
    (Instant, Option<Instant>, Option<i16>, bool),
    (Option<String>, Option<String>, Option<String>),
    (Option<Value>, Value, Option<Value>),
);

type Columns = (
    (messages::session_id, messages::chat_key, messages::message_id),
    (messages::sent_at, messages::updated_at, messages::ack, messages::from_me),
    (messages::sender, messages::type_, messages::body),
    (messages::delivery, messages::details, messages::field_times),
);

/// The columns of a [`Message`].
pub(in crate::store) const COLUMNS: Columns = (
    (messages::session_id, messages::chat_key, messages::message_id),
    (messages::sent_at, messages::updated_at, messages::ack, messages::from_me),
    (messages::sender, messages::type_, messages::body),
    (messages::delivery, messages::details, messages::field_times),
);

/// The message of a row.
pub(in crate::store) fn message(row: Row) -> Message {
    let ((session, chat_key, id), times, (sender, kind, body), (delivery, details, field_times)) = row;
    Message {
        key: MessageKey { chat: SessionChatKey { session, chat_key }, id },
        sent_at: times.0,
        updated_at: times.1,
        ack: times.2,
        from_me: times.3,
        sender,
        kind,
        body,
        delivery,
        details,
        field_times,
    }
}

/// The stored ones among these messages.
pub fn messages_by_key(
    connection: &mut Connection,
    org: OrgId,
    keys: &[&MessageKey],
) -> StoreResult<Vec<Message>> {
    let (sessions, chats, ids) = columns(keys.iter().copied());
    let rows: Vec<Row> = messages::table
        .filter(key_in(
            (messages::org_id, messages::session_id, messages::chat_key, messages::message_id),
            org,
            (texts(sessions), array::<BigInt, _>(chats), texts(ids)),
        ))
        .select(COLUMNS)
        .load(connection)?;
    Ok(rows.into_iter().map(message).collect())
}

/// Inserts or replaces these messages.
pub fn write_messages(connection: &mut Connection, org: OrgId, rows: &[Message]) -> StoreResult<()> {
    let (sessions, chats, ids) = columns(rows.iter().map(|row| &row.key));
    let text = |field: fn(&Message) -> Option<&str>| {
        unnest(array::<Nullable<Text>, _>(rows.iter().map(field).collect::<Vec<_>>()))
    };
    let json = |field: fn(&Message) -> Option<&Value>| {
        unnest(array::<Nullable<Jsonb>, _>(rows.iter().map(field).collect::<Vec<_>>()))
    };
    diesel::select((
        org.into_sql::<Uuid>(),
        unnest(texts(sessions)),
        unnest(array::<BigInt, _>(chats)),
        unnest(texts(ids)),
        unnest(array::<Timestamptz, _>(rows.iter().map(|row| row.sent_at).collect::<Vec<_>>())),
        unnest(array::<Nullable<Timestamptz>, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>())),
        unnest(array::<Nullable<SmallInt>, _>(rows.iter().map(|row| row.ack).collect::<Vec<_>>())),
        unnest(array::<Bool, _>(rows.iter().map(|row| row.from_me).collect::<Vec<_>>())),
        text(|row| row.sender.as_deref()),
        text(|row| row.kind.as_deref()),
        text(|row| row.body.as_deref()),
        json(|row| row.delivery.as_ref()),
        unnest(array::<Jsonb, _>(rows.iter().map(|row| &row.details).collect::<Vec<_>>())),
        json(|row| row.field_times.as_ref()),
    ))
    .insert_into(messages::table)
    .into_columns((
        messages::org_id,
        messages::session_id,
        messages::chat_key,
        messages::message_id,
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
    ))
    .on_conflict((messages::org_id, messages::session_id, messages::chat_key, messages::message_id))
    .do_update()
    .set((
        messages::sent_at.eq(excluded(messages::sent_at)),
        messages::updated_at.eq(excluded(messages::updated_at)),
        messages::ack.eq(excluded(messages::ack)),
        messages::from_me.eq(excluded(messages::from_me)),
        messages::sender.eq(excluded(messages::sender)),
        messages::type_.eq(excluded(messages::type_)),
        messages::body.eq(excluded(messages::body)),
        messages::delivery.eq(excluded(messages::delivery)),
        messages::details.eq(excluded(messages::details)),
        messages::field_times.eq(excluded(messages::field_times)),
    ))
    .execute(connection)?;
    Ok(())
}

/// Stores receipts until their message arrives; of two equal ones the earlier instant is kept.
pub fn add_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    rows: &[PendingReceipt],
) -> StoreResult<()> {
    let (sessions, chats, ids) = columns(rows.iter().map(|row| &row.message));
    let at = excluded(pending_receipts::at);
    let upsert = diesel::select((
        org.into_sql::<Uuid>(),
        unnest(texts(sessions)),
        unnest(array::<BigInt, _>(chats)),
        unnest(texts(ids)),
        unnest(texts(rows.iter().map(|row| row.contact.as_str()).collect::<Vec<_>>())),
        unnest(texts(rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>())),
        unnest(array::<Timestamptz, _>(rows.iter().map(|row| row.at).collect::<Vec<_>>())),
    ))
    .insert_into(pending_receipts::table)
    .into_columns((
        pending_receipts::org_id,
        pending_receipts::session_id,
        pending_receipts::chat_key,
        pending_receipts::message_id,
        pending_receipts::contact_id,
        pending_receipts::kind,
        pending_receipts::at,
    ))
    .on_conflict((
        pending_receipts::org_id,
        pending_receipts::session_id,
        pending_receipts::chat_key,
        pending_receipts::message_id,
        pending_receipts::contact_id,
        pending_receipts::kind,
    ))
    .do_update()
    .set(pending_receipts::at.eq(at));
    // `QueryDsl` has no `filter` for an upsert.
    diesel::query_dsl::methods::FilterDsl::filter(upsert, pending_receipts::at.gt(at)).execute(connection)?;
    Ok(())
}

type ReceiptRow = ((SessionId, i64, String), (String, String, Instant));

/// Deletes and returns the pending receipts of these messages.
pub fn take_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[&MessageKey],
) -> StoreResult<Vec<PendingReceipt>> {
    let (sessions, chats, ids) = columns(keys.iter().copied());
    let rows: Vec<ReceiptRow> = diesel::delete(pending_receipts::table)
        .filter(key_in(
            (
                pending_receipts::org_id,
                pending_receipts::session_id,
                pending_receipts::chat_key,
                pending_receipts::message_id,
            ),
            org,
            (texts(sessions), array::<BigInt, _>(chats), texts(ids)),
        ))
        .returning((
            (pending_receipts::session_id, pending_receipts::chat_key, pending_receipts::message_id),
            (pending_receipts::contact_id, pending_receipts::kind, pending_receipts::at),
        ))
        .get_results(connection)?;
    Ok(rows
        .into_iter()
        .map(|((session, chat_key, id), (contact, kind, at))| PendingReceipt {
            message: MessageKey { chat: SessionChatKey { session, chat_key }, id },
            contact,
            kind,
            at,
        })
        .collect())
}
