//! How far each sender of events has come.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;

use super::schema::ingest_senders;
use super::{Connection, StoreResult};
use crate::ids::OrgId;

/// How long a sender's mark is kept after it last moved, in days.
const KEPT_DAYS: i32 = 90;

/// A sender, as its caller named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Who calls: `key:<key id>` or `member:<subject>`.
    pub principal: String,
    /// The sender's own name.
    pub name: String,
}

/// The sequence number that was acknowledged last to that sender; 0 when there is none.
pub fn acknowledged(connection: &mut Connection, org: OrgId, sender: &Sender) -> StoreResult<i64> {
    let row: Option<i64> = ingest_senders::table
        .filter(ingest_senders::org_id.eq(org))
        .filter(ingest_senders::principal.eq(&sender.principal))
        .filter(ingest_senders::sender.eq(&sender.name))
        .select(ingest_senders::acknowledged)
        .first(connection)
        .optional()?;
    Ok(row.unwrap_or_default())
}

/// Moves the sender's mark forward. It never moves back: a stream that was cut may still be writing what it had read.
pub fn advance(connection: &mut Connection, org: OrgId, sender: &Sender, sequence: i64) -> StoreResult<()> {
    let upsert = diesel::insert_into(ingest_senders::table)
        .values((
            ingest_senders::org_id.eq(org),
            ingest_senders::principal.eq(&sender.principal),
            ingest_senders::sender.eq(&sender.name),
            ingest_senders::acknowledged.eq(sequence),
        ))
        .on_conflict((ingest_senders::org_id, ingest_senders::principal, ingest_senders::sender))
        .do_update()
        .set((
            ingest_senders::acknowledged.eq(excluded(ingest_senders::acknowledged)),
            ingest_senders::updated_at.eq(now),
        ));
    let is_forward = ingest_senders::acknowledged.lt(excluded(ingest_senders::acknowledged));
    // Not `QueryDsl`, which has no `filter` for an upsert.
    methods::FilterDsl::filter(upsert, is_forward).execute(connection)?;
    Ok(())
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
