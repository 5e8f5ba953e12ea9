//! Statements of ingest for messages.

use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value;

use super::session_chats::SessionChatKey;
use crate::bulk::{has_key_of, insert_rows, replace_columns};
use crate::connection::{Connection, StoreResult};
use crate::full_text::search_vector;
use crate::list_counts::List;
use crate::schema::messages;
use crate::transaction::Transaction;
use switchboard_core::ids::{OrgId, SessionId};
use switchboard_core::instant::Instant;

/// The key of a session's message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Queryable)]
pub struct MessageKey {
    /// The session and the chat.
    pub chat: SessionChatKey,
    /// WhatsApp's id, chosen by the sender.
    pub id: String,
    /// Whether the session sent it.
    pub from_me: bool,
    /// The person that sent it, if it is an incoming message of a group; otherwise empty.
    pub author: String,
}

/// An id in a session's chat. Messages of several senders may have it.
pub type MessageId = (SessionChatKey, String);

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
    /// See `messages.has_links`.
    pub has_links: bool,
}

/// The columns of a [`MessageKey`].
macro_rules! message_key {
    () => {
        (
            (messages::session_id, messages::chat_key),
            messages::message_id,
            messages::from_me,
            messages::author,
        )
    };
}
pub(crate) use message_key;

/// The columns of a [`Message`].
macro_rules! message_columns {
    () => {
        (
            $crate::ingest::message_key!(),
            messages::sent_at,
            messages::updated_at,
            messages::ack,
            messages::sender,
            messages::type_,
            messages::body,
            messages::delivery,
            messages::details,
            messages::field_times,
            messages::first_body,
            messages::reactions,
            messages::silent,
            messages::has_links,
        )
    };
}
pub(crate) use message_columns;

/// The stored messages with these ids.
pub fn messages_by_id(
    connection: &mut Connection,
    org: OrgId,
    ids: &[&MessageId],
) -> StoreResult<Vec<Message>> {
    let is_wanted = has_key_of!(org, messages, ids, |id| {
        session_id: id.0.session,
        chat_key: id.0.chat_key,
        message_id: id.1.as_str(),
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
        from_me: row.key.from_me,
        author: row.key.author.as_str(),
        sender: row.sender.as_deref(),
        type_: row.kind.as_deref(),
        body: row.body.as_deref(),
        delivery: row.delivery.as_ref(),
        details: &row.details,
        field_times: row.field_times.as_ref(),
        first_body: row.first_body.as_deref(),
        reactions: row.reactions.as_ref(),
        silent: row.silent,
        has_links: row.has_links,
        search: search_vector(org, row.body.as_deref(), &row.details),
    });
    let written = insert
        .on_conflict((
            messages::org_id,
            messages::session_id,
            messages::chat_key,
            messages::message_id,
            messages::from_me,
            messages::author,
        ))
        .do_update()
        .set((
            replace_columns!(
                messages: updated_at, ack, sender, type_, body, delivery, details, field_times, first_body, reactions,
                silent, search
            ),
            // Once an address of it is known by another one, the message stays so.
            messages::has_links.eq(messages::has_links.or(excluded(messages::has_links))),
        ))
        .returning((message_key!(), messages::arrival))
        .get_results(&mut **tx)?;
    for (session, messages) in added {
        tx.count_added(List::Messages, Some(*session), *messages);
    }
    Ok(written)
}
