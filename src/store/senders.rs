//! How far each sender of events has come.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::upsert::excluded;
use uuid::Uuid;

use super::connection::{Connection, StoreResult};
use super::schema::ingest_senders;
use crate::ids::OrgId;

/// How long a sender's mark is kept after it last moved, in days.
const KEPT_DAYS: i32 = 90;

/// A sender, as its caller named it, and its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Who calls: `key:<key id>` or `member:<subject>`.
    pub principal: String,
    /// The sender's own name.
    pub name: String,
    /// The stream, different from all others.
    pub stream: Uuid,
}

diesel::define_sql_function! {
    /// The larger one.
    fn greatest(one: BigInt, other: BigInt) -> BigInt;
}

/// Makes the stream the one that sends under that name. Answers the sequence number that was acknowledged last to the name;
/// 0 when there is none. Waits for a batch that an earlier stream is about to acknowledge, and counts it.
pub fn open(connection: &mut Connection, org: OrgId, sender: &Sender) -> StoreResult<i64> {
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
        .set((
            ingest_senders::stream.eq(excluded(ingest_senders::stream)),
            ingest_senders::updated_at.eq(now),
        ))
        .returning(ingest_senders::acknowledged)
        .get_result(connection)?;
    Ok(acknowledged)
}

/// Moves the sender's mark forward; it never moves back. False when another stream sends under that name now.
pub fn advance(connection: &mut Connection, org: OrgId, sender: &Sender, sequence: i64) -> StoreResult<bool> {
    let own = ingest_senders::table
        .filter(ingest_senders::org_id.eq(org))
        .filter(ingest_senders::principal.eq(&sender.principal))
        .filter(ingest_senders::sender.eq(&sender.name))
        .filter(ingest_senders::stream.eq(sender.stream));
    let moved = diesel::update(own)
        .set((
            ingest_senders::acknowledged.eq(greatest(ingest_senders::acknowledged, sequence)),
            ingest_senders::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(moved > 0)
}

/// Some organizations with senders that have not been heard of for long.
pub fn orgs_with_forgotten(connection: &mut Connection, most: i64) -> StoreResult<Vec<OrgId>> {
    Ok(ingest_senders::table
        .filter(ingest_senders::updated_at.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()))
        .order(ingest_senders::updated_at)
        .limit(most)
        .select(ingest_senders::org_id)
        .load(connection)?)
}

/// Removes the marks of the organization's senders that have not been heard of for long.
pub fn delete_forgotten(connection: &mut Connection, org: OrgId) -> StoreResult<()> {
    let forgotten = ingest_senders::table
        .filter(ingest_senders::org_id.eq(org))
        .filter(ingest_senders::updated_at.lt(now.into_sql::<Timestamptz>() - KEPT_DAYS.days()));
    diesel::delete(forgotten).execute(connection)?;
    Ok(())
}
