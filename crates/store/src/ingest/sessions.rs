//! Statements of ingest for sessions and their connection status.

use diesel::prelude::*;

use crate::bulk::update_rows;
use crate::connection::{Connection, StoreResult};
use crate::schema::sessions;
use switchboard_core::ids::{OrgId, Phone, PhoneId, SessionId};
use switchboard_core::instant::Instant;

/// The three names of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Queryable)]
pub struct SessionNames {
    /// The session.
    pub session: SessionId,
    /// Its phone number.
    pub phone: Phone,
    /// Its phone id.
    pub phone_id: PhoneId,
}

/// A session's connection status.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct SessionStatus {
    /// The session.
    pub session: SessionId,
    /// `disconnected`, `connecting`, `connected` or `logged_out`.
    pub status: String,
    /// Since when.
    pub status_at: Option<Instant>,
    /// When it was last connected.
    pub last_connected_at: Option<Instant>,
}

/// The organization's sessions that have one of these names.
pub fn sessions_by_name(
    connection: &mut Connection,
    org: OrgId,
    ids: &[SessionId],
    phones: &[Phone],
    phone_ids: &[PhoneId],
) -> StoreResult<Vec<SessionNames>> {
    let has_name = sessions::session_id
        .eq_any(ids)
        .or(sessions::phone.eq_any(phones))
        .or(sessions::phone_id.eq_any(phone_ids));
    Ok(sessions::table
        .filter(sessions::org_id.eq(org))
        .filter(has_name)
        .select((sessions::session_id, sessions::phone, sessions::phone_id))
        .load(connection)?)
}

/// The phone numbers of these sessions as addresses, and their LIDs.
pub fn own_addresses(
    connection: &mut Connection,
    org: OrgId,
    ids: &[SessionId],
) -> StoreResult<Vec<(SessionId, String)>> {
    let rows: Vec<(SessionId, Phone, Option<String>)> = sessions::table
        .filter(sessions::org_id.eq(org))
        .filter(sessions::session_id.eq_any(ids))
        .select((sessions::session_id, sessions::phone, sessions::lid))
        .load(connection)?;
    let addresses = rows.into_iter().flat_map(|(session, phone, lid)| {
        let phone = format!("{}@c.us", phone.as_str());
        std::iter::once(phone).chain(lid).map(move |address| (session, address))
    });
    Ok(addresses.collect())
}

/// Locks these sessions and returns their status.
pub fn lock_session_statuses(
    connection: &mut Connection,
    org: OrgId,
    ids: &[SessionId],
) -> StoreResult<Vec<SessionStatus>> {
    Ok(sessions::table
        .filter(sessions::org_id.eq(org))
        .filter(sessions::session_id.eq_any(ids))
        .select((sessions::session_id, sessions::status, sessions::status_at, sessions::last_connected_at))
        .order(sessions::session_id)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates the status of these sessions.
pub fn update_statuses(
    connection: &mut Connection,
    org: OrgId,
    rows: &[SessionStatus],
    now: Instant,
) -> StoreResult<()> {
    let update = update_rows!(org, sessions, rows, |row| { session_id: row.session } set {
        status: row.status.as_str(),
        status_at: row.status_at,
        last_connected_at: row.last_connected_at,
        updated_at: now,
    });
    update.execute(connection)?;
    Ok(())
}
