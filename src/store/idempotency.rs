//! Idempotency keys: which writes were done under one, and what they answered.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::sql_types::Timestamptz;
use diesel::upsert::excluded;

use super::schema::idempotency_keys;
use super::{Connection, StoreResult};
use crate::ids::OrgId;

/// How long a key stands for its first request, in hours. Older ones count as never used.
pub const KEPT_HOURS: i32 = 24;

/// A key that was first used then or before counts no more.
macro_rules! oldest_kept {
    () => {
        now.into_sql::<Timestamptz>() - KEPT_HOURS.hours()
    };
}

/// A key as a caller used it, and what it was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// SHA-256 of who called and of the key.
    pub key: [u8; 32],
    /// SHA-256 of what was asked.
    pub request: [u8; 32],
}

/// What became of claiming a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: it is this transaction's, and nobody else's once that commits.
    First,
    /// It was used for the same request, which was answered with this message.
    Again(Vec<u8>),
    /// It was used for another request.
    Taken,
}

/// Claims a key for the organization. While another transaction has claimed it and not ended, this waits: when that one
/// commits the key was used, when it rolls back it was not.
pub fn claim(connection: &mut Connection, org: OrgId, key_use: &KeyUse) -> StoreResult<Claim> {
    let values = (
        idempotency_keys::org_id.eq(org),
        idempotency_keys::key_sha256.eq(key_use.key.as_slice()),
        idempotency_keys::request_sha256.eq(key_use.request.as_slice()),
    );
    // An expired row becomes a new one. One that still counts stays as it is but is locked, so that it is there below.
    let claim = diesel::insert_into(idempotency_keys::table)
        .values(values)
        .on_conflict((idempotency_keys::org_id, idempotency_keys::key_sha256))
        .do_update()
        .set((
            idempotency_keys::request_sha256.eq(excluded(idempotency_keys::request_sha256)),
            idempotency_keys::answer.eq(excluded(idempotency_keys::answer)),
            idempotency_keys::created_at.eq(excluded(idempotency_keys::created_at)),
        ));
    let claimed = methods::FilterDsl::filter(claim, idempotency_keys::created_at.le(oldest_kept!()));
    if claimed.execute(connection)? > 0 {
        return Ok(Claim::First);
    }
    let (request, answer): (Vec<u8>, Vec<u8>) = idempotency_keys::table
        .filter(idempotency_keys::org_id.eq(org))
        .filter(idempotency_keys::key_sha256.eq(key_use.key.as_slice()))
        .select((idempotency_keys::request_sha256, idempotency_keys::answer))
        .first(connection)?;
    Ok(if request == key_use.request { Claim::Again(answer) } else { Claim::Taken })
}

/// Keeps what the write that claimed the key answers.
pub fn keep(connection: &mut Connection, org: OrgId, key_use: &KeyUse, answer: &[u8]) -> StoreResult<()> {
    // A claimed row has an empty answer already, which is all that google.protobuf.Empty is.
    if answer.is_empty() {
        return Ok(());
    }
    let claimed = idempotency_keys::table
        .filter(idempotency_keys::org_id.eq(org))
        .filter(idempotency_keys::key_sha256.eq(key_use.key.as_slice()));
    diesel::update(claimed).set(idempotency_keys::answer.eq(answer)).execute(connection)?;
    Ok(())
}

/// Some keys that count no more, the oldest first: whose they are, and their digests.
pub fn expired(connection: &mut Connection, most: i64) -> StoreResult<Vec<(OrgId, Vec<u8>)>> {
    Ok(idempotency_keys::table
        .filter(idempotency_keys::created_at.le(oldest_kept!()))
        .order(idempotency_keys::created_at)
        .limit(most)
        .select((idempotency_keys::org_id, idempotency_keys::key_sha256))
        .load(connection)?)
}

/// Removes those of the organization's keys that count no more. One that is in use again by now stays.
pub fn delete_expired(connection: &mut Connection, org: OrgId, keys: &[Vec<u8>]) -> StoreResult<()> {
    let expired = idempotency_keys::table
        .filter(idempotency_keys::org_id.eq(org))
        .filter(idempotency_keys::key_sha256.eq_any(keys))
        .filter(idempotency_keys::created_at.le(oldest_kept!()));
    diesel::delete(expired).execute(connection)?;
    Ok(())
}
