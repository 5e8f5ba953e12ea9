//! The organization's numbers, each attached as one session.

use diesel::prelude::*;

use super::schema::sessions;
use super::{Connection, StoreResult};
use crate::ids::{OrgId, Phone, PhoneId, SessionId};
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
