//! Statements of export. Large tables are read row by row, so that one row at a time is in memory.

mod shared_chats;

pub use shared_chats::{ExportedChat, SessionChatRow, chats_after, notes, session_chats};

use diesel::dsl::exists;
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::ingest::{Contact, Message, WaitingUpdate, message_columns, waiting_columns};
use super::org_rows::{org_rows, same_chat};
use super::schema::{
    chat_members, chats, contacts, list_counts, messages, person_links, session_chats, sessions,
    waiting_updates,
};
use switchboard_core::ids::{ChatAddress, OrgId, Phone, PhoneId, SessionId};
use switchboard_core::instant::Instant;

/// A session's row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
#[allow(missing_docs)] // the columns of sessions, described there
pub struct SessionRow {
    pub session_id: SessionId,
    pub phone: Phone,
    pub phone_id: PhoneId,
    pub lid: Option<String>,
    pub label: Option<String>,
    pub status: String,
    pub status_at: Option<Instant>,
    pub last_connected_at: Option<Instant>,
    pub created_at: Instant,
}

/// Number of messages of a session or of all, from the maintained counts.
pub fn count_messages(
    connection: &mut Connection,
    org: OrgId,
    session: Option<SessionId>,
) -> StoreResult<i64> {
    let counts = org_rows!(list_counts, org, list = "messages").select(list_counts::count);
    let mut counts = counts.into_boxed::<Pg>();
    if let Some(session) = session {
        counts = counts.filter(list_counts::session_id.eq(session));
    }
    let counts: Vec<i64> = counts.load(connection)?;
    Ok(counts.iter().sum())
}

/// The organization's sessions, or only that one.
pub fn sessions(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
) -> StoreResult<Vec<SessionRow>> {
    let mut rows = org_rows!(sessions, org).into_boxed::<Pg>();
    if let Some(session) = only {
        rows = rows.filter(sessions::session_id.eq(session));
    }
    Ok(rows.order(sessions::session_id).select(SessionRow::as_select()).load(connection)?)
}

/// Loads row by row and passes each to `handle`.
macro_rules! each {
    ($connection:expr, $query:expr, $row:ty, $handle:expr) => {{
        for row in $query.load_iter::<$row, PgRowByRowLoadingMode>($connection)? {
            $handle(row?)?;
        }
        Ok(())
    }};
}

/// Each further address with the one by which the person is known. Of all sessions: the person may be the author of a message, a
/// reaction or a receipt of any of them.
pub fn each_link(
    connection: &mut Connection,
    org: OrgId,
    mut handle: impl FnMut((ChatAddress, ChatAddress)) -> StoreResult<()>,
) -> StoreResult<()> {
    let links = org_rows!(person_links, org)
        .filter(person_links::address.ne(person_links::person))
        .order(person_links::address)
        .select((person_links::address, person_links::person));
    each!(connection, links, (ChatAddress, ChatAddress), handle)
}

/// Each contact; with a session, only those with a chat in it or in a group of it.
pub fn each_contact(
    connection: &mut Connection,
    org: OrgId,
    only: Option<SessionId>,
    mut handle: impl FnMut(Contact) -> StoreResult<()>,
) -> StoreResult<()> {
    let mut rows = org_rows!(contacts, org).into_boxed::<Pg>();
    if let Some(session) = only {
        let own_chat = chats::table
            .inner_join(session_chats::table.on(same_chat!(session_chats, chats)))
            .filter(chats::org_id.eq(org))
            .filter(chats::chat_id.eq(contacts::contact_id))
            .filter(session_chats::session_id.eq(session));
        let membership = chat_members::table
            .inner_join(session_chats::table.on(same_chat!(session_chats, chat_members)))
            .filter(chat_members::org_id.eq(org))
            .filter(chat_members::contact_id.eq(contacts::contact_id))
            .filter(session_chats::session_id.eq(session));
        rows = rows.filter(exists(own_chat).or(exists(membership)));
    }
    let rows = rows.order(contacts::contact_id).select((
        contacts::contact_id,
        contacts::name,
        contacts::color,
        contacts::image,
        contacts::is_internal,
        contacts::field_times,
    ));
    each!(connection, rows, Contact, handle)
}

/// Each message with the address of its chat, chat by chat.
pub fn each_message(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    mut handle: impl FnMut((String, Message)) -> StoreResult<()>,
) -> StoreResult<()> {
    let stored = messages::table
        .inner_join(chats::table.on(same_chat!(chats, messages)))
        .filter(messages::org_id.eq(org))
        .filter(messages::session_id.eq(session))
        .order((messages::chat_key, messages::sent_at, messages::arrival))
        .select((chats::chat_id, message_columns!()));
    each!(connection, stored, (String, Message), handle)
}

/// Each update of the session that waits for its message or chat, those of one chat in the order of their times.
pub fn each_waiting(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    mut handle: impl FnMut(WaitingUpdate) -> StoreResult<()>,
) -> StoreResult<()> {
    let waiting = org_rows!(waiting_updates, org, session_id = session)
        .order((
            waiting_updates::address,
            waiting_updates::message_id,
            waiting_updates::at,
            waiting_updates::kind,
        ))
        .select(waiting_columns!());
    each!(connection, waiting, WaitingUpdate, handle)
}

/// The session's chats that are marked as unread, after that key: key, address, least unread count.
pub fn marked_unread_after(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<(i64, String, i32)>> {
    Ok(session_chats::table
        .inner_join(chats::table.on(same_chat!(chats, session_chats)))
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::session_id.eq(session))
        .filter(session_chats::chat_key.gt(after))
        .filter(session_chats::min_unread.is_not_null())
        .order(session_chats::chat_key)
        .limit(limit)
        .select((session_chats::chat_key, chats::chat_id, session_chats::min_unread.assume_not_null()))
        .load(connection)?)
}
