//! The organization's numbers, each attached as one session.

use std::sync::Arc;

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::chats::clock_timestamp;
use super::schema::{chats, messages, session_chats, sessions};
use super::{Connection, StoreResult};
use crate::ids::{OrgId, Phone, PhoneId, PhoneSelector, SessionId};
use crate::instant::Instant;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct SessionRow {
    /// The session.
    pub session_id: SessionId,
    /// The number.
    pub phone: Phone,
    /// The number's other name.
    pub phone_id: PhoneId,
    /// The number's own LID.
    pub lid: Option<String>,
    /// Name given by the organization.
    pub label: Option<String>,
    /// `disconnected`, `connecting`, `connected` or `logged_out`.
    pub status: String,
    /// When it was last connected.
    pub last_connected_at: Option<Instant>,
    /// When it was attached.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

/// A session to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = sessions)]
pub struct NewSessionRow {
    /// The session.
    pub session_id: SessionId,
    /// The number.
    pub phone: Phone,
    /// The number's other name.
    pub phone_id: PhoneId,
    /// Name given by the organization.
    pub label: Option<String>,
}

/// What became of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The session is there.
    Done(SessionRow),
    /// The organization has the number already.
    PhoneTaken,
    /// The organization has a session with that id already.
    Taken,
}

/// Inserts a session.
pub fn insert(connection: &mut Connection, org: OrgId, row: &NewSessionRow) -> StoreResult<Insertion> {
    let inserted = diesel::insert_into(sessions::table)
        .values((sessions::org_id.eq(org), row))
        .on_conflict_do_nothing()
        .returning(SessionRow::as_returning())
        .get_result(connection)
        .optional()?;
    if let Some(session) = inserted {
        return Ok(Insertion::Done(session));
    }
    let same_phone = sessions::table.filter(sessions::org_id.eq(org)).filter(sessions::phone.eq(&row.phone));
    let phone_taken = diesel::select(diesel::dsl::exists(same_phone)).get_result(connection)?;
    Ok(if phone_taken { Insertion::PhoneTaken } else { Insertion::Taken })
}

/// The organization's sessions, oldest first.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<SessionRow>> {
    Ok(sessions::table
        .filter(sessions::org_id.eq(org))
        .order((sessions::created_at, sessions::session_id))
        .select(SessionRow::as_select())
        .load(connection)?)
}

/// The session.
pub fn find(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Option<SessionRow>> {
    Ok(sessions::table
        .filter(sessions::org_id.eq(org))
        .filter(sessions::session_id.eq(session))
        .select(SessionRow::as_select())
        .first(connection)
        .optional()?)
}

/// The session of that number, if it is one of the reachable ones: one or none.
pub fn of_number(
    connection: &mut Connection,
    org: OrgId,
    number: &PhoneSelector,
    reachable: Option<&[SessionId]>,
) -> StoreResult<Arc<[SessionId]>> {
    let mut found = sessions::table.filter(sessions::org_id.eq(org)).into_boxed();
    found = match number {
        PhoneSelector::Phone(phone) => found.filter(sessions::phone.eq(phone)),
        PhoneSelector::PhoneId(id) => found.filter(sessions::phone_id.eq(id)),
    };
    if let Some(reachable) = reachable {
        found = found.filter(sessions::session_id.eq_any(reachable));
    }
    Ok(found.select(sessions::session_id).load::<SessionId>(connection)?.into())
}

/// The session, held until the transaction ends: nobody changes it or adds a chat to it.
pub fn lock(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Option<SessionRow>> {
    Ok(sessions::table
        .filter(sessions::org_id.eq(org))
        .filter(sessions::session_id.eq(session))
        .select(SessionRow::as_select())
        .for_update()
        .first(connection)
        .optional()?)
}

/// At most that many of the organization's sessions in the order of their ids: those after `after`, and of `reachable`
/// if that is given.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    reachable: Option<&[SessionId]>,
    after: Option<SessionId>,
    limit: i64,
) -> StoreResult<Vec<SessionRow>> {
    let mut page = sessions::table.filter(sessions::org_id.eq(org)).into_boxed();
    if let Some(reachable) = reachable {
        page = page.filter(sessions::session_id.eq_any(reachable));
    }
    if let Some(after) = after {
        page = page.filter(sessions::session_id.gt(after));
    }
    Ok(page.order(sessions::session_id).limit(limit).select(SessionRow::as_select()).load(connection)?)
}

/// Gives the session another label, and answers it.
pub fn rename(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    label: Option<&str>,
) -> StoreResult<Option<SessionRow>> {
    let row = sessions::table.filter(sessions::org_id.eq(org)).filter(sessions::session_id.eq(session));
    Ok(diesel::update(row)
        .set((sessions::label.eq(label), sessions::updated_at.eq(clock_timestamp())))
        .returning(SessionRow::as_returning())
        .get_result(connection)
        .optional()?)
}

/// Locks the chats that the session holds, so that no other session begins or stops holding them until the transaction
/// ends, and then the session's own part of them.
pub fn lock_chats(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::session_id.eq(session));
    let _: Vec<i64> = chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.eq_any(held.select(session_chats::chat_key)))
        .order(chats::chat_key)
        .select(chats::chat_key)
        .for_update()
        .load(connection)?;
    let _: Vec<i64> =
        held.order(session_chats::chat_key).select(session_chats::chat_key).for_update().load(connection)?;
    Ok(())
}

/// Removes the session with all it holds, and the chats that no other session holds. All of it is locked before.
pub fn delete(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    // Before their chats: in one sweep rather than chat by chat.
    let stored = messages::table.filter(messages::org_id.eq(org)).filter(messages::session_id.eq(session));
    diesel::delete(stored).execute(connection)?;

    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::session_id.eq(session));
    let held_elsewhere = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq(chats::chat_key))
        .filter(session_chats::session_id.ne(session));
    let unheld = chats::table
        .filter(chats::org_id.eq(org))
        .filter(chats::chat_key.eq_any(held.select(session_chats::chat_key)))
        .filter(not(exists(held_elsewhere)));
    diesel::delete(unheld).execute(connection)?;

    let row = sessions::table.filter(sessions::org_id.eq(org)).filter(sessions::session_id.eq(session));
    diesel::delete(row).execute(connection)?;
    Ok(())
}
