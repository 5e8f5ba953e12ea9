//! Sessions: the organization's attached WhatsApp numbers.

use std::sync::Arc;

use diesel::dsl::{exists, select};
use diesel::prelude::*;

use super::connection::{Connection, StoreResult};
use super::org_rows::org_rows;
use super::schema::{chats, connections, session_chats, sessions};
use super::touch::touched;
use super::transaction::Transaction;
use super::{chat_deletion, session_chats as held_chats};
use switchboard_core::config::Quota;
use switchboard_core::ids::{OrgId, Phone, PhoneId, PhoneSelector, SessionId};
use switchboard_core::instant::Instant;

/// The chats of a session that are deleted together.
const PART: u16 = 200;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of sessions, documented in the migrations
pub struct SessionRow {
    pub session_id: SessionId,
    pub phone: Phone,
    pub phone_id: PhoneId,
    pub lid: Option<String>,
    pub label: Option<String>,
    pub status: String,
    pub last_connected_at: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A session to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = sessions)]
#[allow(missing_docs)] // columns of sessions, documented in the migrations
pub struct NewSessionRow {
    pub session_id: SessionId,
    pub phone: Phone,
    pub phone_id: PhoneId,
    pub label: Option<String>,
}

/// The outcome of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The session was inserted.
    Inserted(SessionRow),
    /// The organization already has the phone number.
    PhoneTaken,
    /// The organization already has a session with that id.
    IdTaken,
}

/// Inserts a session.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, row: &NewSessionRow) -> StoreResult<Insertion> {
    tx.added(Quota::Sessions);
    let connection: &mut Connection = tx;
    let inserted = diesel::insert_into(sessions::table)
        .values((sessions::org_id.eq(org), row))
        .on_conflict_do_nothing()
        .returning(SessionRow::as_returning())
        .get_result(connection)
        .optional()?;
    if let Some(session) = inserted {
        return Ok(Insertion::Inserted(session));
    }
    let phone_taken = select(exists(org_rows!(sessions, org, phone = &row.phone))).get_result(connection)?;
    Ok(if phone_taken { Insertion::PhoneTaken } else { Insertion::IdTaken })
}

/// The organization's sessions, oldest first.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<SessionRow>> {
    Ok(org_rows!(sessions, org)
        .order((sessions::created_at, sessions::session_id))
        .select(SessionRow::as_select())
        .load(connection)?)
}

/// The session.
pub fn find(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Option<SessionRow>> {
    let found = org_rows!(sessions, org, session_id = session).select(SessionRow::as_select());
    Ok(found.first(connection).optional()?)
}

/// The session with that phone number, if it is in `scope` (`None` for all): one or none.
pub fn find_by_phone(
    connection: &mut Connection,
    org: OrgId,
    phone: &PhoneSelector,
    scope: Option<&[SessionId]>,
) -> StoreResult<Arc<[SessionId]>> {
    let mut found = org_rows!(sessions, org).into_boxed();
    found = match phone {
        PhoneSelector::Phone(phone) => found.filter(sessions::phone.eq(phone)),
        PhoneSelector::PhoneId(id) => found.filter(sessions::phone_id.eq(id)),
    };
    if let Some(scope) = scope {
        found = found.filter(sessions::session_id.eq_any(scope));
    }
    Ok(found.select(sessions::session_id).load::<SessionId>(connection)?.into())
}

/// Locks the session FOR UPDATE, so that no transaction changes it or adds a chat to it.
pub fn lock(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Option<SessionRow>> {
    let found = org_rows!(sessions, org, session_id = session).select(SessionRow::as_select());
    Ok(found.for_update().first(connection).optional()?)
}

/// Up to `limit` sessions in `scope` (`None` for all), ordered by id, after `after`. Each with whether it has a connection.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    scope: Option<&[SessionId]>,
    after: Option<SessionId>,
    limit: i64,
) -> StoreResult<Vec<(SessionRow, bool)>> {
    // One row at most, so that it is looked up for each session.
    let connection_id = org_rows!(connections, org)
        .filter(connections::session_id.eq(sessions::session_id))
        .select(connections::connection_id)
        .single_value();
    let mut page = org_rows!(sessions, org).into_boxed();
    if let Some(scope) = scope {
        page = page.filter(sessions::session_id.eq_any(scope));
    }
    if let Some(after) = after {
        page = page.filter(sessions::session_id.gt(after));
    }
    let columns = (SessionRow::as_select(), connection_id.is_not_null());
    Ok(page.order(sessions::session_id).limit(limit).select(columns).load(connection)?)
}

/// Sets the session's label and returns the session.
pub fn set_label(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    label: Option<&str>,
) -> StoreResult<Option<SessionRow>> {
    Ok(diesel::update(org_rows!(sessions, org, session_id = session))
        .set((sessions::label.eq(label), sessions::updated_at.eq(touched!(sessions::updated_at))))
        .returning(SessionRow::as_returning())
        .get_result(connection)
        .optional()?)
}

/// Locks the chats that the session holds, so that no other session starts or stops holding them, and then the
/// session's own rows of them.
pub fn lock_chats(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    let held = org_rows!(session_chats, org, session_id = session);
    let chats = org_rows!(chats, org)
        .filter(chats::chat_key.eq_any(held.select(session_chats::chat_key)))
        .order(chats::chat_key)
        .select(chats::chat_key);
    let _: Vec<i64> = chats.for_update().load(connection)?;
    let held = held.order(session_chats::chat_key).select(session_chats::chat_key);
    let _: Vec<i64> = held.for_update().load(connection)?;
    Ok(())
}

/// Locks the first chats that the session holds, so that no other session starts or stops holding them. None when they are few
/// enough to be deleted together.
pub fn lock_part(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Vec<i64>> {
    let held = org_rows!(session_chats, org, session_id = session).order(session_chats::chat_key);
    let held: Vec<i64> = held.select(session_chats::chat_key).limit(PART.into()).load(connection)?;
    if held.len() < usize::from(PART) {
        return Ok(Vec::new());
    }
    let chats = org_rows!(chats, org).filter(chats::chat_key.eq_any(held)).order(chats::chat_key);
    Ok(chats.select(chats::chat_key).for_update().load(connection)?)
}

/// Deletes these chats of the session, which the caller has locked, and those of them that no other session holds.
pub fn delete_chats(tx: &mut Transaction<'_>, session: SessionId, chats: &[i64]) -> StoreResult<()> {
    held_chats::delete(tx, session, chats)?;
    chat_deletion::delete_unheld(tx, chats)
}

/// Deletes the session with its data, and the chats that no other session holds. The caller has locked all of it.
pub fn delete(tx: &mut Transaction<'_>, session: SessionId) -> StoreResult<()> {
    let held = held_chats::delete_all(tx, session)?;
    chat_deletion::delete_unheld(tx, &held)?;
    diesel::delete(org_rows!(sessions, tx.org(), session_id = session)).execute(&mut **tx)?;
    Ok(())
}
