//! Statements for the marks of senders.

use diesel::dsl::{IntervalDsl, exists, now};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use uuid::Uuid;

use super::bulk::replace_columns;
use super::connection::{Connection, StoreResult};
use super::prepared::prepared;
use super::schema::ingest_senders;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::OrgId;

/// Days after its last move when a mark expires.
const KEPT_DAYS: i32 = 90;

/// A stream of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The caller: `key:<key id>` or `member:<subject>`.
    pub principal: String,
    /// The sender's own name.
    pub name: String,
    /// The stream's id, different from all others.
    pub stream: Uuid,
}

diesel::define_sql_function! {
    /// The larger argument.
    fn greatest(one: BigInt, other: BigInt) -> BigInt;
}

/// Makes the stream the current one of its sender. Returns the last acknowledged sequence number, or 0.
///
/// The row lock waits for a batch that the previous stream is committing, so that its mark is included.
pub fn open(tx: &mut Transaction<'_>, org: OrgId, sender: &Sender) -> StoreResult<i64> {
    tx.added(Quota::IngestSenders);
    let connection: &mut Connection = tx;
    let acknowledged = diesel::insert_into(ingest_senders::table)
        .values((
            ingest_senders::org_id.eq(org),
            ingest_senders::principal.eq(&sender.principal),
            ingest_senders::sender.eq(&sender.name),
            ingest_senders::stream.eq(sender.stream),
            ingest_senders::acknowledged.eq(0),
        ))
        .on_conflict((ingest_senders::org_id, ingest_senders::principal, ingest_senders::sender))
        .do_update()
        .set(replace_columns!(ingest_senders: stream, updated_at))
        .returning(ingest_senders::acknowledged)
        .get_result(connection)?;
    Ok(acknowledged)
}

/// What became of a sender's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It was moved.
    Done,
    /// Another stream is the current one.
    OtherStream,
    /// It was before the last acknowledged event.
    Lost,
}

/// Moves the sender's mark forward, never back, unless it is before `acknowledged`.
pub fn advance(
    connection: &mut Connection,
    org: OrgId,
    sender: &Sender,
    acknowledged: i64,
    sequence: i64,
) -> StoreResult<Advance> {
    let own = || {
        ingest_senders::table
            .filter(ingest_senders::org_id.eq(org))
            .filter(ingest_senders::principal.eq(&sender.principal))
            .filter(ingest_senders::sender.eq(&sender.name))
            .filter(ingest_senders::stream.eq(sender.stream))
    };
    let update = diesel::update(own().filter(ingest_senders::acknowledged.ge(acknowledged))).set((
        ingest_senders::acknowledged.eq(greatest(ingest_senders::acknowledged, sequence)),
        ingest_senders::updated_at.eq(now),
    ));
    let moved: Vec<i64> = prepared(update.returning(ingest_senders::acknowledged)).get_results(connection)?;
    if !moved.is_empty() {
        return Ok(Advance::Done);
    }
    let is_current: bool = diesel::select(exists(own())).get_result(connection)?;
    Ok(if is_current { Advance::Lost } else { Advance::OtherStream })
}

/// Organizations of the oldest expired marks.
pub fn orgs_with_expired(connection: &mut Connection, limit: i64) -> StoreResult<Vec<OrgId>> {
    Ok(ingest_senders::table
        .filter(ingest_senders::updated_at.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()))
        .order(ingest_senders::updated_at)
        .limit(limit)
        .select(ingest_senders::org_id)
        .load(connection)?)
}

/// Deletes the organization's expired marks.
pub fn delete_expired(connection: &mut Connection, org: OrgId) -> StoreResult<()> {
    let expired = ingest_senders::table
        .filter(ingest_senders::org_id.eq(org))
        .filter(ingest_senders::updated_at.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()));
    diesel::delete(expired).execute(connection)?;
    Ok(())
}
