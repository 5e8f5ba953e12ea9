//! Idempotency keys: the writes done under each, and their stored responses.

use diesel::dsl::{IntervalDsl, exists, now};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Timestamptz};

use super::connection::{Connection, StoreResult};
use super::list_counts::List;
use super::org_rows::org_rows;
use super::schema::idempotency_keys;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::OrgId;

diesel::define_sql_function! {
    /// The length in bytes.
    fn octet_length(bytes: Binary) -> Integer;
}

/// How long a key is valid after its first use, in hours. Expired keys count as unused.
pub const RETENTION_HOURS: i32 = 24;

/// Keys first used at this time or earlier have expired.
macro_rules! expiry {
    () => {
        now.into_sql::<Timestamptz>() - RETENTION_HOURS.hours()
    };
}

/// One use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// SHA-256 of the caller and the key.
    pub key: [u8; 32],
    /// SHA-256 of the request.
    pub request: [u8; 32],
}

/// The outcome of claiming a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key was unused; this transaction owns it once it commits.
    New,
    /// The key was used for the same request; this is the stored response.
    Replay(Vec<u8>),
    /// The key was used for another request.
    Mismatch,
}

/// What a stored response costs beside its own bytes.
const ROW_BYTES: usize = 128;

/// Whether the key was used and has not expired.
pub fn is_used(connection: &mut Connection, org: OrgId, key_use: &KeyUse) -> StoreResult<bool> {
    let used = org_rows!(idempotency_keys, org, key_sha256 = key_use.key.as_slice())
        .filter(idempotency_keys::created_at.gt(expiry!()));
    Ok(diesel::select(exists(used)).get_result(connection)?)
}

/// Claims a key for the organization. Waits while another transaction has claimed it.
pub fn claim(tx: &mut Transaction<'_>, key_use: &KeyUse) -> StoreResult<Claim> {
    let org = tx.org();
    loop {
        let values = (
            idempotency_keys::org_id.eq(org),
            idempotency_keys::key_sha256.eq(key_use.key.as_slice()),
            idempotency_keys::request_sha256.eq(key_use.request.as_slice()),
        );
        let claim = diesel::insert_into(idempotency_keys::table)
            .values(values)
            .on_conflict((idempotency_keys::org_id, idempotency_keys::key_sha256))
            .do_nothing();
        if claim.execute(&mut **tx)? > 0 {
            return Ok(Claim::New);
        }
        // Deleted first: the bytes of an expired response do not count any more.
        delete_expired(tx, org, &[key_use.key.to_vec()])?;
        let valid: Option<(Vec<u8>, Vec<u8>)> =
            org_rows!(idempotency_keys, org, key_sha256 = key_use.key.as_slice())
                .select((idempotency_keys::request_sha256, idempotency_keys::response))
                .first(&mut **tx)
                .optional()?;
        match valid {
            Some((request, response)) if request == key_use.request => return Ok(Claim::Replay(response)),
            Some(_) => return Ok(Claim::Mismatch),
            None => {}
        }
    }
}

/// Stores the response of the write that claimed the key.
pub fn store_response(tx: &mut Transaction<'_>, key_use: &KeyUse, response: &[u8]) -> StoreResult<()> {
    // A claimed row has an empty response already: the encoding of google.protobuf.Empty.
    if !response.is_empty() {
        diesel::update(org_rows!(idempotency_keys, tx.org(), key_sha256 = key_use.key.as_slice()))
            .set(idempotency_keys::response.eq(response))
            .execute(&mut **tx)?;
    }
    tx.count_added(List::IdempotencyBytes, None, ROW_BYTES + response.len());
    tx.added(Quota::IdempotencyBytes);
    Ok(())
}

/// Up to `limit` expired keys, oldest first: organization and digest.
pub fn expired(connection: &mut Connection, limit: i64) -> StoreResult<Vec<(OrgId, Vec<u8>)>> {
    Ok(idempotency_keys::table
        .filter(idempotency_keys::created_at.le(expiry!()))
        .order(idempotency_keys::created_at)
        .limit(limit)
        .select((idempotency_keys::org_id, idempotency_keys::key_sha256))
        .load(connection)?)
}

/// Deletes those of the organization's keys that are still expired.
pub fn delete_expired(tx: &mut Transaction<'_>, org: OrgId, keys: &[Vec<u8>]) -> StoreResult<()> {
    let expired = org_rows!(idempotency_keys, org)
        .filter(idempotency_keys::key_sha256.eq_any(keys))
        .filter(idempotency_keys::created_at.le(expiry!()));
    let sizes: Vec<i32> =
        diesel::delete(expired).returning(octet_length(idempotency_keys::response)).get_results(&mut **tx)?;
    let bytes = sizes.iter().map(|size| ROW_BYTES + usize::try_from(*size).unwrap_or_default()).sum();
    tx.count_removed(List::IdempotencyBytes, None, bytes);
    Ok(())
}
