//! Changes of chats that connectors are to carry out, and which connector does so for a number.

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Double, Text, Uuid as SqlUuid};
use diesel::upsert::excluded;
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::schema::{chat_addresses, chats, commands, connector_leases, session_chats, sessions};
use super::session_chats::held_at;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;

diesel::define_sql_function! {
    /// See the migration.
    fn acquire_connector_lease(org: SqlUuid, session: Text, holder: SqlUuid, seconds: Double) -> Bool;
}

/// A change to carry out, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// `archived`, `pinned`, `muted` or `read`.
    pub field: &'static str,
    /// Whether it is to be so.
    pub flag: bool,
    /// See `commands.at`; what is read is read up to the mark that the chat has then.
    pub at: Option<Instant>,
}

/// A change that waits.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Waiting {
    /// Order of writing.
    pub version: i64,
    /// The chat's own address.
    pub chat: ChatAddress,
    /// `archived`, `pinned`, `muted` or `read`.
    pub field: String,
    /// Whether it is to be so.
    pub flag: bool,
    /// See `commands.at`.
    pub at: Option<Instant>,
}

/// Keeps changes of a chat for the session's connector, in place of older ones of the same fields. Nothing is kept when the
/// session does not hold the chat.
pub fn keep(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
    wishes: &[Wish],
) -> StoreResult<()> {
    let held: Option<(i64, Option<Instant>)> = held_at!(org, session, address)
        .select((session_chats::chat_key, session_chats::read_up_to))
        .first(connection)
        .optional()?;
    let Some((chat_key, read_up_to)) = held.filter(|_| !wishes.is_empty()) else { return Ok(()) };
    let rows: Vec<_> = wishes
        .iter()
        .map(|wish| {
            let at = if wish.field == "read" && wish.flag { read_up_to } else { wish.at };
            (
                commands::org_id.eq(org),
                commands::session_id.eq(session),
                commands::chat_key.eq(chat_key),
                commands::field.eq(wish.field),
                commands::flag.eq(wish.flag),
                commands::at.eq(at),
            )
        })
        .collect();
    diesel::insert_into(commands::table)
        .values(rows)
        .on_conflict((commands::org_id, commands::session_id, commands::chat_key, commands::field))
        .do_update()
        .set((
            commands::flag.eq(excluded(commands::flag)),
            commands::at.eq(excluded(commands::at)),
            commands::version.eq(excluded(commands::version)),
        ))
        .execute(connection)?;
    Ok(())
}

/// At most that many changes that wait, in the order they were made in.
pub fn waiting(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    limit: i64,
) -> StoreResult<Vec<Waiting>> {
    Ok(commands::table
        .inner_join(
            chats::table.on(chats::org_id.eq(commands::org_id).and(chats::chat_key.eq(commands::chat_key))),
        )
        .filter(commands::org_id.eq(org))
        .filter(commands::session_id.eq(session))
        .order(commands::version)
        .limit(limit)
        .select((commands::version, chats::chat_id, commands::field, commands::flag, commands::at))
        .load(connection)?)
}

/// Those of the sessions that something waits for.
pub fn sessions_with_some(
    connection: &mut Connection,
    orgs: &[OrgId],
    among: &[SessionId],
) -> StoreResult<Vec<(OrgId, SessionId)>> {
    let waiting = commands::table
        .filter(commands::org_id.eq(sessions::org_id))
        .filter(commands::session_id.eq(sessions::session_id));
    Ok(sessions::table
        .filter(sessions::org_id.eq_any(orgs))
        .filter(sessions::session_id.eq_any(among))
        .filter(exists(waiting))
        .select((sessions::org_id, sessions::session_id))
        .load(connection)?)
}

/// Removes changes that are carried out. A newer one of the same field has another version, and stays.
pub fn remove(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    versions: &[i64],
) -> StoreResult<()> {
    let done = commands::table
        .filter(commands::org_id.eq(org))
        .filter(commands::session_id.eq(session))
        .filter(commands::version.eq_any(versions));
    diesel::delete(done).execute(connection)?;
    Ok(())
}

/// Gives the holder the lease of a number, which is there, or lets it keep it, for so many seconds. Says whether somebody
/// else does not have it.
pub fn lease(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    holder: Uuid,
    seconds: f64,
) -> StoreResult<bool> {
    let leased =
        acquire_connector_lease(org.into_sql::<SqlUuid>(), session.into_sql::<Text>(), holder, seconds);
    Ok(diesel::select(leased).get_result(connection)?)
}

/// Gives the lease up, if the holder has it.
pub fn release(connection: &mut Connection, org: OrgId, session: SessionId, holder: Uuid) -> StoreResult<()> {
    let lease = connector_leases::table
        .filter(connector_leases::org_id.eq(org))
        .filter(connector_leases::session_id.eq(session))
        .filter(connector_leases::holder.eq(holder));
    diesel::delete(lease).execute(connection)?;
    Ok(())
}
