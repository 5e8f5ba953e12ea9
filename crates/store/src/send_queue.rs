//! The queue of sends: which may be attempted, and their attempts.

use std::time::Duration;

use diesel::dsl::{count_star, exists, min, not, now};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz};
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::{commands, sends};
use super::sends::{QUEUED, SENDING, SendRow, UNKNOWN};
use super::touch::statement_timestamp;
use switchboard_core::ids::{OrgId, SessionId};
use switchboard_core::instant::Instant;

/// What there is to do for a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable)]
pub struct Work {
    /// Whether sends are queued that may be attempted now.
    pub sends: bool,
    /// Whether the outcome of a send is unknown.
    pub unknown: bool,
    /// Whether commands wait.
    pub commands: bool,
}

/// What there is to do for the session.
pub fn work(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<Work> {
    let open = || org_rows!(sends, org, session_id = session).filter(sends::is_open);
    let queued = open().filter(sends::state.eq(QUEUED)).filter(sends::not_before.le(now));
    let unknown = open().filter(sends::state.eq(UNKNOWN));
    let commands = org_rows!(commands, org, session_id = session);
    let work = (exists(queued), exists(unknown), exists(commands));
    Ok(diesel::select(work).get_result(connection)?)
}

/// At most `limit` sends that may be attempted now: the first of each chat, unless it is being sent.
pub fn due(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    limit: i64,
) -> StoreResult<Vec<SendRow>> {
    let earlier = diesel::alias!(sends as earlier);
    let waits = earlier
        .filter(earlier.field(sends::org_id).eq(sends::org_id))
        .filter(earlier.field(sends::session_id).eq(sends::session_id))
        .filter(earlier.field(sends::address).eq(sends::address))
        .filter(earlier.field(sends::send_id).lt(sends::send_id))
        .filter(earlier.field(sends::is_open))
        .filter(earlier.field(sends::state).ne(UNKNOWN));
    Ok(org_rows!(sends, org, session_id = session)
        .filter(sends::is_open)
        .filter(sends::state.eq(QUEUED))
        .filter(sends::not_before.le(now))
        .filter(not(exists(waits)))
        .order(sends::send_id)
        .limit(limit)
        .select(SendRow::as_select())
        .load(connection)?)
}

/// Begins the attempt of a queued send by a connection of that kind. `None` when it is not queued any more.
pub fn begin(
    connection: &mut Connection,
    org: OrgId,
    send: Uuid,
    kind: &str,
) -> StoreResult<Option<SendRow>> {
    let row = org_rows!(sends, org, send_id = send, state = QUEUED);
    let set = (
        sends::state.eq(SENDING),
        sends::attempts.eq(sends::attempts + 1),
        sends::attempted_by.eq(kind),
        sends::updated_at.eq(statement_timestamp()),
    );
    Ok(diesel::update(row).set(set).returning(SendRow::as_returning()).get_result(connection).optional()?)
}

/// Puts a send that is `sending` back into the queue, for an attempt after the pause. `may_be_sent` says whether this one may
/// have sent it.
pub fn requeue(
    connection: &mut Connection,
    org: OrgId,
    send: Uuid,
    pause: Duration,
    (reason, may_be_sent): (&str, bool),
) -> StoreResult<()> {
    let row = org_rows!(sends, org, send_id = send, state = SENDING);
    let set = (
        sends::state.eq(QUEUED),
        sends::reason.eq(reason),
        sends::may_be_sent.eq(sends::may_be_sent.or(may_be_sent.into_sql::<Bool>())),
        sends::not_before.eq(now.into_sql::<Timestamptz>() + interval(pause)),
        sends::updated_at.eq(statement_timestamp()),
    );
    diesel::update(row).set(set).execute(connection)?;
    Ok(())
}

/// Lets the queued sends of the session be attempted now.
pub fn resume(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<()> {
    let waiting = org_rows!(sends, org, session_id = session, state = QUEUED)
        .filter(sends::is_open)
        .filter(sends::not_before.gt(now));
    diesel::update(waiting).set(sends::not_before.eq(now)).execute(connection)?;
    Ok(())
}

/// The sends of the session in that state, oldest first.
pub fn in_state(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    state: &str,
) -> StoreResult<Vec<SendRow>> {
    let open = org_rows!(sends, org, session_id = session, state = state).filter(sends::is_open);
    Ok(open.order(sends::send_id).select(SendRow::as_select()).load(connection)?)
}

/// How many sends of all organizations are queued, and when the oldest of them was.
pub fn backlog(connection: &mut Connection) -> StoreResult<(i64, Option<Instant>)> {
    let queued = sends::table.filter(sends::is_open).filter(sends::state.eq(QUEUED));
    Ok(queued.select((count_star(), min(sends::created_at))).first(connection)?)
}
