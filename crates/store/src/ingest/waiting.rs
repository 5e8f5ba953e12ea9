//! Statements of ingest for updates that arrived before their message or chat.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::messages::MessageId;
use crate::bulk::{has_key_of, insert_rows, replace_columns};
use crate::connection::{Connection, StoreResult};
use crate::org_rows::org_rows;
use crate::schema::{chat_addresses, messages, session_chats, waiting_updates};
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// What an update waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub struct Awaited {
    /// The canonical address of the chat.
    pub address: ChatAddress,
    /// The session.
    pub session: SessionId,
    /// WhatsApp's id of the message; empty for the chat itself.
    pub id: String,
}

/// An update whose message or chat is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub struct WaitingUpdate {
    /// What it waits for.
    pub awaited: Awaited,
    /// See `waiting_updates.sender`.
    pub sender: String,
    /// See `waiting_updates.kind`.
    pub kind: String,
    /// See `waiting_updates.contact_id`.
    pub contact: String,
    /// When.
    pub at: Instant,
    /// See `waiting_updates.value`.
    pub value: Option<String>,
}

/// Number of updates of a session that wait at a time.
const MAX_WAITING: i64 = 100_000;
/// The kind of a chat's read mark.
pub const READ_MARK: &str = "read_up_to";
/// The kind of a mark as unread, with the number of messages. Its time is the read mark that it follows: a later one ends it.
/// Of one time the greatest number counts, unless 0 withdraws it.
pub const UNREAD: &str = "unread";
/// The kind of a change of a member: 0 none, 1 member, 2 admin.
pub const MEMBER: &str = "member";
/// Kinds of updates of which the newest counts; of the others it is the earliest.
const NEWEST_COUNTS: [&str; 7] = ["failed", "unknown", "edit", "reaction", READ_MARK, UNREAD, MEMBER];

impl WaitingUpdate {
    /// Whether this one counts, and not the other of the same kind and contact.
    pub fn counts_before(&self, other: &Self) -> bool {
        match self.newest_counts() {
            true if self.withdraws() => self.at >= other.at,
            true => (self.at, &self.value) > (other.at, &other.value),
            false => self.at < other.at,
        }
    }

    /// Whether it withdraws a mark as unread.
    fn withdraws(&self) -> bool {
        let is_zero = |count: &String| count.bytes().all(|digit| digit == b'0');
        self.kind == UNREAD && self.value.as_ref().is_some_and(is_zero)
    }

    fn newest_counts(&self) -> bool {
        NEWEST_COUNTS.contains(&self.kind.as_str())
    }
}

/// The columns of a [`WaitingUpdate`].
macro_rules! waiting_columns {
    () => {
        (
            (waiting_updates::address, waiting_updates::session_id, waiting_updates::message_id),
            waiting_updates::sender,
            waiting_updates::kind,
            waiting_updates::contact_id,
            waiting_updates::at,
            waiting_updates::value,
        )
    };
}
pub(crate) use waiting_columns;

/// Inserts updates; of two equal ones the new one is kept on that condition.
macro_rules! upsert_waiting {
    ($connection:expr, $org:expr, $rows:expr, $replaces:expr) => {{
        let insert = insert_rows!($org, waiting_updates, $rows, |row| {
            address: row.awaited.address.as_str(),
            session_id: row.awaited.session,
            message_id: row.awaited.id.as_str(),
            sender: row.sender.as_str(),
            kind: row.kind.as_str(),
            contact_id: row.contact.as_str(),
            at: row.at,
            value: row.value.as_deref(),
        });
        let upsert = insert
            .on_conflict((
                waiting_updates::org_id,
                waiting_updates::address,
                waiting_updates::session_id,
                waiting_updates::message_id,
                waiting_updates::sender,
                waiting_updates::kind,
                waiting_updates::contact_id,
            ))
            .do_update()
            .set(replace_columns!(waiting_updates: at, value));
        // `QueryDsl` has no `filter` for an upsert.
        diesel::query_dsl::methods::FilterDsl::filter(upsert, $replaces).execute($connection)?;
    }};
}

/// Stores updates, each once, until what they wait for arrives.
///
/// Of two equal ones the one that counts is kept. A statement each for the kinds of which the newest and the earliest counts,
/// and for those that withdraw others, because Citus takes no values in the condition of an upsert.
pub fn add_waiting(connection: &mut Connection, org: OrgId, rows: &[WaitingUpdate]) -> StoreResult<()> {
    let (newest, earliest): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.newest_counts());
    let (at, new_at) = (waiting_updates::at, excluded(waiting_updates::at));
    let (withdrawn, newest): (Vec<_>, Vec<_>) = newest.into_iter().partition(|row| row.withdraws());
    if !newest.is_empty() {
        let (value, new_value) = (waiting_updates::value, excluded(waiting_updates::value));
        let is_greater = new_value.gt(value).assume_not_null();
        let is_first = value.is_null().and(new_value.is_not_null());
        let is_later = new_at.gt(at).or(new_at.eq(at).and(is_greater.or(is_first)));
        upsert_waiting!(connection, org, newest, is_later);
    }
    if !withdrawn.is_empty() {
        upsert_waiting!(connection, org, withdrawn, new_at.ge(at));
    }
    if !earliest.is_empty() {
        upsert_waiting!(connection, org, earliest, new_at.lt(at));
    }
    Ok(())
}

/// Deletes the oldest updates of a session that has more than `MAX_WAITING`.
pub fn limit_waiting(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    let of_session = || org_rows!(waiting_updates, org, session_id = session);
    let oldest_kept: Option<Instant> = of_session()
        .order(waiting_updates::received_at.desc())
        .offset(MAX_WAITING)
        .select(waiting_updates::received_at)
        .first(connection)
        .optional()?;
    if let Some(received_at) = oldest_kept {
        diesel::delete(of_session().filter(waiting_updates::received_at.le(received_at)))
            .execute(connection)?;
    }
    Ok(())
}

/// The condition that an update waits for one of these messages, or sessions' chats.
macro_rules! waits_for {
    ($org:expr, $awaited:expr) => {
        has_key_of!($org, waiting_updates, $awaited, |key| {
            address: key.address.as_str(),
            session_id: key.session,
            message_id: key.id.as_str(),
        })
    };
}

/// Deletes and returns the updates that wait for one of these messages, or sessions' chats, in the order of their times.
///
/// Changes of members are left: they wait for a chat in any session; see [`take_waiting_members`].
pub fn take_waiting(
    connection: &mut Connection,
    org: OrgId,
    awaited: &[Awaited],
) -> StoreResult<Vec<WaitingUpdate>> {
    let wanted =
        waiting_updates::table.filter(waits_for!(org, awaited)).filter(waiting_updates::kind.ne(MEMBER));
    let taken = diesel::delete(wanted).returning(waiting_columns!());
    let mut taken: Vec<WaitingUpdate> = taken.get_results(connection)?;
    taken.sort_by(|one, other| (one.at, &one.kind).cmp(&(other.at, &other.kind)));
    Ok(taken)
}

/// The read marks that wait for these sessions' chats.
pub fn waiting_read_marks(
    connection: &mut Connection,
    org: OrgId,
    awaited: &[Awaited],
) -> StoreResult<Vec<(Awaited, Instant)>> {
    Ok(waiting_updates::table
        .filter(waits_for!(org, awaited))
        .filter(waiting_updates::kind.eq(READ_MARK))
        .select((
            (waiting_updates::address, waiting_updates::session_id, waiting_updates::message_id),
            waiting_updates::at,
        ))
        .load(connection)?)
}

/// Deletes and returns the updates that wait at these addresses.
pub fn take_waiting_at(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<WaitingUpdate>> {
    let is_wanted = has_key_of!(org, waiting_updates, addresses, |address| { address: address.as_str() });
    let deleted = diesel::delete(waiting_updates::table).filter(is_wanted);
    Ok(deleted.returning(waiting_columns!()).get_results(connection)?)
}

/// Deletes and returns the updates of messages of these senders.
pub fn take_waiting_by_sender(
    connection: &mut Connection,
    org: OrgId,
    senders: &[&ChatAddress],
) -> StoreResult<Vec<WaitingUpdate>> {
    let is_wanted = has_key_of!(org, waiting_updates, senders, |sender| { sender: sender.as_str() });
    let deleted = diesel::delete(waiting_updates::table).filter(is_wanted);
    Ok(deleted.returning(waiting_columns!()).get_results(connection)?)
}

/// Those of these addresses at which updates wait.
pub fn waits_at(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<ChatAddress>> {
    Ok(waiting_updates::table
        .filter(has_key_of!(org, waiting_updates, addresses, |address| { address: address.as_str() }))
        .select(waiting_updates::address)
        .distinct()
        .load(connection)?)
}

/// Deletes and returns the changes of members that wait for these chats.
pub fn take_waiting_members(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<WaitingUpdate>> {
    let is_wanted = has_key_of!(org, waiting_updates, addresses, |address| { address: address.as_str() });
    let deleted =
        diesel::delete(waiting_updates::table.filter(is_wanted).filter(waiting_updates::kind.eq(MEMBER)));
    Ok(deleted.returning(waiting_columns!()).get_results(connection)?)
}

/// What updates wait for at these addresses although it is stored.
///
/// Each with the message, or the session's chat.
pub fn arrived(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<(Awaited, MessageId)>> {
    let address = chat_addresses::org_id
        .eq(waiting_updates::org_id)
        .and(chat_addresses::address.eq(waiting_updates::address));
    let held = session_chats::org_id
        .eq(waiting_updates::org_id)
        .and(session_chats::session_id.eq(waiting_updates::session_id))
        .and(session_chats::chat_key.eq(chat_addresses::chat_key));
    let message = messages::table
        .filter(messages::org_id.eq(session_chats::org_id))
        .filter(messages::session_id.eq(session_chats::session_id))
        .filter(messages::chat_key.eq(session_chats::chat_key))
        .filter(messages::message_id.eq(waiting_updates::message_id));
    let is_stored = waiting_updates::message_id.eq("").or(diesel::dsl::exists(message));
    Ok(waiting_updates::table
        .inner_join(chat_addresses::table.on(address))
        .inner_join(session_chats::table.on(held))
        .filter(has_key_of!(org, waiting_updates, addresses, |address| { address: address.as_str() }))
        .filter(waiting_updates::kind.ne(MEMBER))
        .filter(is_stored)
        .select((
            (waiting_updates::address, waiting_updates::session_id, waiting_updates::message_id),
            ((session_chats::session_id, session_chats::chat_key), waiting_updates::message_id),
        ))
        .distinct()
        .load(connection)?)
}
