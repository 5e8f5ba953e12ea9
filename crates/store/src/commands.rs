//! Commands for connectors, and the lease under which a connector executes them.

use std::time::Duration;

use diesel::dsl::{exists, not, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use uuid::Uuid;

use super::bulk::{has_key_of, insert_rows, replace_columns};
use super::connection::{Connection, StoreResult};
use super::ingest::SessionChatKey;
use super::interval::interval;
use super::org_rows::{org_rows, same_chat};
use super::prepared::prepared;
use super::schema::{chats, commands, connector_leases, sends, sessions};
use super::sends::QUEUED;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// A command to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommand {
    /// `archived`, `pinned`, `muted` or `read`.
    pub field: &'static str,
    /// The new value.
    pub flag: bool,
    /// When a mute ends, or the time of the last message that is read.
    pub at: Option<Instant>,
}

/// A stored command.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct PendingCommand {
    /// Order of writing.
    pub version: i64,
    /// The chat's own address.
    pub chat: ChatAddress,
    /// `archived`, `pinned`, `muted` or `read`.
    pub field: String,
    /// The new value.
    pub flag: bool,
    /// When a mute ends, or the time of the last message that is read.
    pub at: Option<Instant>,
}

/// A stored command without its version.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct CommandRow {
    /// The session and the chat.
    pub key: SessionChatKey,
    /// `archived`, `pinned`, `muted` or `read`.
    pub field: String,
    /// The new value.
    pub flag: bool,
    /// When a mute ends, or the time of the last message that is read.
    pub at: Option<Instant>,
}

/// Stores commands for a chat that the session holds. A command replaces an older one of the same field.
pub fn enqueue(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    chat_key: i64,
    new: &[NewCommand],
) -> StoreResult<()> {
    let row = |command: &NewCommand| {
        (
            commands::org_id.eq(org),
            commands::session_id.eq(session),
            commands::chat_key.eq(chat_key),
            commands::field.eq(command.field),
            commands::flag.eq(command.flag),
            commands::at.eq(command.at),
        )
    };
    let upsert = diesel::insert_into(commands::table)
        .values(new.iter().map(row).collect::<Vec<_>>())
        .on_conflict((commands::org_id, commands::session_id, commands::chat_key, commands::field))
        .do_update()
        .set(replace_columns!(commands: flag, at, version));
    prepared(upsert.returning(commands::version)).get_results::<i64>(connection)?;
    Ok(())
}

/// The commands of these chats of sessions, oldest first.
pub fn of_chats(
    connection: &mut Connection,
    org: OrgId,
    keys: &[SessionChatKey],
) -> StoreResult<Vec<CommandRow>> {
    let is_wanted =
        has_key_of!(org, commands, keys, |key| { session_id: key.session, chat_key: key.chat_key });
    Ok(commands::table
        .filter(is_wanted)
        .order(commands::version)
        .select(((commands::session_id, commands::chat_key), commands::field, commands::flag, commands::at))
        .load(connection)?)
}

/// Stores commands, each of which replaces an older one of the same field of the chat.
pub fn replace(connection: &mut Connection, org: OrgId, rows: &[CommandRow]) -> StoreResult<()> {
    let insert = insert_rows!(org, commands, rows, |row| {
        session_id: row.key.session,
        chat_key: row.key.chat_key,
        field: row.field.as_str(),
        flag: row.flag,
        at: row.at,
    });
    insert
        .on_conflict((commands::org_id, commands::session_id, commands::chat_key, commands::field))
        .do_update()
        .set(replace_columns!(commands: flag, at, version))
        .execute(connection)?;
    Ok(())
}

/// At most `limit` commands of the session, oldest first; none unless the holder has the session's lease.
pub fn pending(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    holder: Uuid,
    limit: i64,
) -> StoreResult<Vec<PendingCommand>> {
    let lease = connector_leases::table.find((org, session)).filter(connector_leases::holder.eq(holder));
    Ok(commands::table
        .inner_join(chats::table.on(same_chat!(chats, commands)))
        .filter(commands::org_id.eq(org))
        .filter(commands::session_id.eq(session))
        .filter(exists(lease.filter(connector_leases::expires_at.gt(now))))
        .order(commands::version)
        .limit(limit)
        .select((commands::version, chats::chat_id, commands::field, commands::flag, commands::at))
        .load(connection)?)
}

/// The sessions among these that have pending commands, or sends that may be attempted.
pub fn sessions_with_pending(
    connection: &mut Connection,
    orgs: &[OrgId],
    among: &[SessionId],
) -> StoreResult<Vec<(OrgId, SessionId)>> {
    let pending = commands::table
        .filter(commands::org_id.eq(sessions::org_id))
        .filter(commands::session_id.eq(sessions::session_id));
    let queued = sends::table
        .filter(sends::org_id.eq(sessions::org_id))
        .filter(sends::session_id.eq(sessions::session_id))
        .filter(sends::is_open)
        .filter(sends::state.eq(QUEUED))
        .filter(sends::not_before.le(now));
    Ok(sessions::table
        .filter(sessions::org_id.eq_any(orgs))
        .filter(sessions::session_id.eq_any(among))
        .filter(exists(pending).or(exists(queued)))
        .select((sessions::org_id, sessions::session_id))
        .load(connection)?)
}

/// The sessions among these whose lease nobody holds.
pub fn sessions_without_lease(
    connection: &mut Connection,
    orgs: &[OrgId],
    among: &[SessionId],
) -> StoreResult<Vec<(OrgId, SessionId)>> {
    let held = connector_leases::table
        .filter(connector_leases::org_id.eq(sessions::org_id))
        .filter(connector_leases::session_id.eq(sessions::session_id))
        .filter(connector_leases::expires_at.gt(now));
    Ok(sessions::table
        .filter(sessions::org_id.eq_any(orgs))
        .filter(sessions::session_id.eq_any(among))
        .filter(not(exists(held)))
        .select((sessions::org_id, sessions::session_id))
        .load(connection)?)
}

/// Deletes executed commands. Newer ones of the same fields have other versions.
pub fn delete(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    versions: &[i64],
) -> StoreResult<()> {
    let pending = org_rows!(commands, org, session_id = session);
    diesel::delete(pending.filter(commands::version.eq_any(versions))).execute(connection)?;
    Ok(())
}

/// Acquires or renews a session's lease, by the database's clock; `false` while another holder has it.
pub fn acquire_lease(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    holder: Uuid,
    duration: Duration,
) -> StoreResult<bool> {
    let expires_at = || connector_leases::expires_at.eq(now.into_sql::<Timestamptz>() + interval(duration));
    let is_free = connector_leases::holder.eq(holder).or(connector_leases::expires_at.le(now));
    let renewed = diesel::update(connector_leases::table.find((org, session)).filter(is_free))
        .set((connector_leases::holder.eq(holder), expires_at()))
        .execute(connection)?;
    if renewed > 0 {
        return Ok(true);
    }
    let lease = (
        connector_leases::org_id.eq(org),
        connector_leases::session_id.eq(session),
        connector_leases::holder.eq(holder),
        expires_at(),
    );
    let insert = diesel::insert_into(connector_leases::table).values(lease).on_conflict_do_nothing();
    Ok(insert.execute(connection)? > 0)
}

/// Releases the lease if the holder has it.
pub fn release_lease(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    holder: Uuid,
) -> StoreResult<()> {
    let lease = connector_leases::table.find((org, session)).filter(connector_leases::holder.eq(holder));
    diesel::delete(lease).execute(connection)?;
    Ok(())
}
