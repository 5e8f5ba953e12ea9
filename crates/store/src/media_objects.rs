//! Objects of the media store. Each has a row, which is inserted before the object and deleted after it.

use std::time::Duration;

use diesel::dsl::{exists, not, now, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};

use super::bulk::has_key_of;
use super::connection::{Connection, StoreResult};
use super::interval::interval;
use super::list_counts::List;
use super::org_rows::org_rows;
use super::prepared::prepared;
use super::schema::{list_counts, media, media_objects};
use super::transaction::Transaction;
use switchboard_core::error::{Error, Kind};
use switchboard_core::ids::OrgId;

/// How long an object may be in the store before a message has it.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a process may take to delete objects, before another one does it.
const LEASE: Duration = Duration::from_secs(10 * 60);
/// How often to look whether a message still has an object, if nothing suggests that none does.
const CHECK_INTERVAL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The time after that duration.
macro_rules! after {
    ($duration:expr) => {
        now.into_sql::<Timestamptz>() + interval($duration)
    };
}

/// The files with an object of the outer statement.
macro_rules! of_message {
    () => {
        media::table
            .filter(media::org_id.eq(media_objects::org_id))
            .filter(media::sha256.eq(media_objects::sha256.nullable()))
    };
}

/// Inserts the row of an object that is about to be written, and keeps it for a day without a message. Returns false while an
/// object with this name is being deleted: a moment later it can be written.
///
/// # Errors
///
/// The organization's objects would have more bytes than `max_bytes`.
pub fn reserve(
    tx: &mut Transaction<'_>,
    sha256: &[u8],
    size: i64,
    max_bytes: Option<i64>,
) -> StoreResult<bool> {
    let org = tx.org();
    let values = (
        media_objects::org_id.eq(org),
        media_objects::sha256.eq(sha256),
        media_objects::size.eq(size),
        media_objects::check_at.eq(after!(UNUSED)),
    );
    let inserted = diesel::insert_into(media_objects::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(&mut **tx)?;
    if inserted == 0 {
        return keep(tx, org, sha256);
    }
    if let Some(max_bytes) = max_bytes
        && total_bytes(tx, org)?.saturating_add(size) > max_bytes
    {
        let message = "the organization has as many bytes of media files as it may: try again later";
        return Err(Error::new(Kind::QuotaExceeded, message).into());
    }
    tx.count_added(List::MediaBytes, None, usize::try_from(size).unwrap_or_default());
    Ok(true)
}

/// The bytes of the organization's objects, as they are counted.
fn total_bytes(connection: &mut Connection, org: OrgId) -> StoreResult<i64> {
    let counts = org_rows!(list_counts, org, list = List::MediaBytes.as_str());
    Ok(counts.select(list_counts::count).load::<i64>(connection)?.iter().sum())
}

/// Keeps an object for a day without a message. Returns false when it is not in the store.
pub fn keep(connection: &mut Connection, org: OrgId, sha256: &[u8]) -> StoreResult<bool> {
    let kept = org_rows!(media_objects, org, sha256 = sha256, deleting = false);
    let keep = diesel::update(kept).set(media_objects::check_at.eq(after!(UNUSED)));
    let kept: Vec<i64> = prepared(keep.returning(media_objects::size)).get_results(connection)?;
    Ok(!kept.is_empty())
}

/// Lets these objects be checked at once.
pub fn check_soon(connection: &mut Connection, org: OrgId, objects: &[Vec<u8>]) -> StoreResult<()> {
    if !objects.is_empty() {
        let is_released = has_key_of!(org, media_objects, objects, |object| { sha256: object.as_slice() });
        let update = diesel::update(media_objects::table).filter(is_released);
        update.set(media_objects::check_at.eq(now)).execute(connection)?;
    }
    Ok(())
}

/// Up to `limit` objects to check, of all organizations.
pub fn due(connection: &mut Connection, limit: i64) -> StoreResult<Vec<(OrgId, Vec<u8>)>> {
    Ok(media_objects::table
        .filter(media_objects::check_at.le(now))
        .order(media_objects::check_at)
        .limit(limit)
        .select((media_objects::org_id, media_objects::sha256))
        .load(connection)?)
}

/// Takes those of these objects that no message has, to be deleted within ten minutes by this process alone.
pub fn take_unused(
    connection: &mut Connection,
    org: OrgId,
    objects: &[Vec<u8>],
) -> StoreResult<Vec<Vec<u8>>> {
    let is_due = || {
        let named = has_key_of!(org, media_objects, objects, |object| { sha256: object.as_slice() });
        media_objects::table.filter(named).filter(media_objects::check_at.le(now))
    };
    let unused = diesel::update(is_due().filter(not(exists(of_message!()))))
        .set((media_objects::deleting.eq(true), media_objects::check_at.eq(after!(LEASE))))
        .returning(media_objects::sha256)
        .get_results(connection)?;
    // Also those that a message has again although their deletion began: they can be written again.
    diesel::update(is_due())
        .set((media_objects::deleting.eq(false), media_objects::check_at.eq(after!(CHECK_INTERVAL))))
        .execute(connection)?;
    Ok(unused)
}

/// Deletes the rows of objects that were deleted.
pub fn delete(tx: &mut Transaction<'_>, objects: &[Vec<u8>]) -> StoreResult<()> {
    let named = has_key_of!(tx.org(), media_objects, objects, |object| { sha256: object.as_slice() });
    let deleted = diesel::delete(media_objects::table).filter(named).filter(media_objects::deleting.eq(true));
    let sizes: Vec<i64> = deleted.returning(media_objects::size).get_results(&mut **tx)?;
    let bytes = sizes.into_iter().map(|size| usize::try_from(size).unwrap_or_default()).sum();
    tx.count_removed(List::MediaBytes, None, bytes);
    Ok(())
}

/// The organizations whose objects have more bytes.
pub fn above(connection: &mut Connection, max_bytes: i64) -> StoreResult<Vec<OrgId>> {
    let counts: Vec<(OrgId, i64)> = list_counts::table
        .filter(list_counts::list.eq(List::MediaBytes.as_str()))
        .order(list_counts::org_id)
        .select((list_counts::org_id, list_counts::count))
        .load(connection)?;
    let of_orgs = counts.chunk_by(|one, other| one.0 == other.0);
    let above = of_orgs.filter(|counts| counts.iter().map(|(_, bytes)| bytes).sum::<i64>() > max_bytes);
    Ok(above.filter_map(|counts| counts.first()).map(|(org, _)| *org).collect())
}

/// The bytes of the organization's objects that messages have.
pub fn used_bytes(connection: &mut Connection, org: OrgId) -> StoreResult<i64> {
    let used = org_rows!(media_objects, org).filter(exists(of_message!()));
    Ok(used.select(sql::<BigInt>("coalesce(sum(size), 0)::bigint")).get_result(connection)?)
}
