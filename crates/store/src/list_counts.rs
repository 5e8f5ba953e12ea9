//! Lengths of lists, so that the last page of a list is read from its end.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::bulk::insert_rows;
use super::connection::{Connection, StoreResult};
use super::prepared::prepared;
use super::schema::list_counts;
use switchboard_core::ids::{OrgId, SessionId};

/// Rows of a list's length. Transactions add to a random one, so that they do not wait for each other.
const SHARDS: i16 = 64;

/// What a counted list contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Chats that a session holds; without a session, chats that any session holds.
    Chats,
    /// Messages of a session.
    Messages,
    /// No list: bytes of the organization's responses under idempotency keys.
    IdempotencyBytes,
    /// No list: bytes of the organization's media objects.
    MediaBytes,
}

/// A list: of one session, or of the whole organization.
pub(super) type ListKey = (List, Option<SessionId>);

impl List {
    /// Its name in the database.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::Messages => "messages",
            Self::IdempotencyBytes => "idempotency_bytes",
            Self::MediaBytes => "media_bytes",
        }
    }
}

/// Adds to the lengths of these lists, in ascending order.
pub(super) fn add(
    connection: &mut Connection,
    org: OrgId,
    deltas: &BTreeMap<ListKey, i64>,
) -> StoreResult<()> {
    let rows: Vec<_> = deltas.iter().filter(|(_, delta)| **delta != 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let shard = rand::random_range(0..SHARDS);
    let upsert = insert_rows!(org, list_counts, rows, |row| {
        list: row.0.0.as_str(),
        session_id: row.0.1.map_or_else(String::new, |session| session.to_string()),
        shard: shard,
        count: *row.1,
    })
    .on_conflict((list_counts::org_id, list_counts::list, list_counts::session_id, list_counts::shard))
    .do_update()
    .set(list_counts::count.eq(list_counts::count + excluded(list_counts::count)));
    prepared(upsert.returning(list_counts::count)).get_results::<i64>(connection)?;
    Ok(())
}
