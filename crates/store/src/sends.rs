//! What API clients send through the connections of sessions, and how far each send is.

use std::time::Duration;

use diesel::dsl::{case_when, now};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz};
use serde_json::{Value, json};
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::interval::interval;
use super::org_rows::org_rows;
use super::schema::sends;
use super::touch::statement_timestamp;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// Waits for its attempt.
pub const QUEUED: &str = "queued";
/// An attempt has begun; its outcome is not stored.
pub const SENDING: &str = "sending";
/// The gateway has accepted it.
pub const ACCEPTED: &str = "accepted";
/// It was not sent.
pub const FAILED: &str = "failed";
/// It may have been sent, and is not sent again.
pub const UNKNOWN: &str = "unknown";
/// A caller cancelled it.
pub const CANCELLED: &str = "cancelled";
/// A command that the gateway cannot apply.
pub const LOCAL_ONLY: &str = "local_only";

/// States of sends that are not attempted any more.
pub const FINISHED: [&str; 5] = [ACCEPTED, FAILED, UNKNOWN, CANCELLED, LOCAL_ONLY];

pub(super) const STATES: [&str; 7] = [QUEUED, SENDING, ACCEPTED, FAILED, UNKNOWN, CANCELLED, LOCAL_ONLY];

/// A send.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = sends, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of sends, documented in the migrations
pub struct SendRow {
    pub send_id: Uuid,
    pub session_id: SessionId,
    pub address: ChatAddress,
    pub kind: String,
    pub message_id: Option<String>,
    pub from_me: bool,
    pub author: String,
    pub has_own_id: bool,
    pub content: Value,
    pub state: String,
    pub reason: Option<String>,
    pub attempts: i32,
    pub attempted_by: Option<String>,
    pub created_by: String,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A send to insert.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // columns of sends, documented in the migrations
pub struct NewSend {
    pub send_id: Uuid,
    pub session: SessionId,
    pub address: ChatAddress,
    pub kind: &'static str,
    pub message_id: Option<String>,
    pub from_me: bool,
    pub author: String,
    pub has_own_id: bool,
    pub content: Value,
    pub state: &'static str,
    pub reason: Option<String>,
}

/// Inserts a send.
pub fn insert(tx: &mut Transaction<'_>, new: &NewSend) -> StoreResult<()> {
    let values = (
        sends::org_id.eq(tx.org()),
        sends::send_id.eq(new.send_id),
        sends::session_id.eq(new.session),
        sends::address.eq(&new.address),
        sends::kind.eq(new.kind),
        sends::message_id.eq(&new.message_id),
        sends::from_me.eq(new.from_me),
        sends::author.eq(&new.author),
        sends::has_own_id.eq(new.has_own_id),
        sends::content.eq(&new.content),
        sends::state.eq(new.state),
        sends::reason.eq(&new.reason),
        sends::created_by.eq(tx.actor()),
    );
    diesel::insert_into(sends::table).values(values).execute(&mut **tx)?;
    tx.added(Quota::Sends);
    Ok(())
}

/// How many sends of the session wait up to this one.
pub fn position(connection: &mut Connection, org: OrgId, session: SessionId, send: Uuid) -> StoreResult<i64> {
    let open = org_rows!(sends, org, session_id = session).filter(sends::is_open);
    Ok(open.filter(sends::send_id.le(send)).count().get_result(connection)?)
}

/// Changes the send's state if it is one of `from`. Returns the send as it was changed.
pub fn change_state(
    connection: &mut Connection,
    org: OrgId,
    send: Uuid,
    from: &[&str],
    to: &str,
    reason: Option<&str>,
) -> StoreResult<Option<SendRow>> {
    let row = org_rows!(sends, org, send_id = send).filter(sends::state.eq_any(from));
    let set = (sends::state.eq(to), sends::reason.eq(reason), sends::updated_at.eq(statement_timestamp()));
    Ok(diesel::update(row).set(set).returning(SendRow::as_returning()).get_result(connection).optional()?)
}

/// Ends a send that is in one of the states of `from`: in the state `to`, or as `unknown` if an earlier attempt may have sent it.
/// Returns the send as it was changed.
pub fn give_up(
    connection: &mut Connection,
    org: OrgId,
    send: Uuid,
    from: &[&str],
    to: &str,
    reason: &str,
) -> StoreResult<Option<SendRow>> {
    let row = org_rows!(sends, org, send_id = send).filter(sends::state.eq_any(from));
    let (to, unknown) = (to.into_sql::<Text>(), UNKNOWN.into_sql::<Text>());
    let set = (
        sends::state.eq(case_when(sends::may_be_sent, unknown).otherwise(to)),
        sends::reason.eq(reason),
        sends::updated_at.eq(statement_timestamp()),
    );
    Ok(diesel::update(row).set(set).returning(SendRow::as_returning()).get_result(connection).optional()?)
}

/// Sets the id of the sent message.
pub fn set_message(connection: &mut Connection, org: OrgId, send: Uuid, message_id: &str) -> StoreResult<()> {
    let row = org_rows!(sends, org, send_id = send);
    diesel::update(row).set(sends::message_id.eq(message_id)).execute(connection)?;
    Ok(())
}

/// The id of the message of a send, which does not change until the transaction ends.
pub fn lock_message_id(connection: &mut Connection, org: OrgId, send: Uuid) -> StoreResult<Option<String>> {
    let row = org_rows!(sends, org, send_id = send).select(sends::message_id).for_share();
    Ok(row.first::<Option<String>>(connection).optional()?.flatten())
}

/// The later sends of the same session that are about the message of that id or quote it.
pub fn naming(
    connection: &mut Connection,
    org: OrgId,
    send: &SendRow,
    message_id: &str,
) -> StoreResult<Vec<SendRow>> {
    let quoted = sends::content.retrieve_by_path_as_text(vec!["reply_to", "id"]);
    Ok(org_rows!(sends, org, session_id = send.session_id)
        .filter(sends::send_id.gt(send.send_id))
        .filter(sends::message_id.eq(message_id).or(quoted.eq(message_id)))
        .order(sends::send_id)
        .select(SendRow::as_select())
        .load(connection)?)
}

/// Replaces what a send sends.
pub fn set_content(connection: &mut Connection, org: OrgId, send: Uuid, content: &Value) -> StoreResult<()> {
    let row = org_rows!(sends, org, send_id = send);
    diesel::update(row).set(sends::content.eq(content)).execute(connection)?;
    Ok(())
}

/// Sets where the file of a send comes from.
pub fn set_file(connection: &mut Connection, org: OrgId, send: Uuid, file: &Value) -> StoreResult<()> {
    let row = org_rows!(sends, org, send_id = send);
    let with_file = sends::content.concat(json!({"file": file}));
    diesel::update(row).set(sends::content.eq(with_file)).execute(connection)?;
    Ok(())
}

/// At most `limit` sends in these states that did not change for that long, oldest first.
pub fn unchanged(
    connection: &mut Connection,
    states: &[&str],
    age: Duration,
    limit: i64,
) -> StoreResult<Vec<(OrgId, Uuid)>> {
    Ok(sends::table
        .filter(sends::updated_at.lt(now.into_sql::<Timestamptz>() - interval(age)))
        .filter(sends::state.eq_any(states))
        .order(sends::updated_at)
        .limit(limit)
        .select((sends::org_id, sends::send_id))
        .load(connection)?)
}

/// Deletes these sends if they are finished.
pub fn delete(connection: &mut Connection, org: OrgId, ids: &[Uuid]) -> StoreResult<()> {
    let finished = org_rows!(sends, org).filter(sends::state.eq_any(FINISHED));
    diesel::delete(finished.filter(sends::send_id.eq_any(ids))).execute(connection)?;
    Ok(())
}
