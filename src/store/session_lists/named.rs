//! A page of a session's chats, found by a part of their names.

#![allow(clippy::too_many_arguments, reason = "the SQL function takes every filter of the list")]

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Record, Text, Timestamptz, Uuid};

use super::{ChatFilter, ChatPlace, ListedChat, listed};
use crate::ids::{OrgId, SessionId};
use crate::store::session_chats::HeldSessionChat;
use crate::store::{Connection, StoreResult};

type NamedColumns = Record<(
    BigInt,
    Bool,
    Bool,
    Nullable<Timestamptz>,
    Nullable<Integer>,
    Nullable<Timestamptz>,
    Timestamptz,
    Text,
    Nullable<Text>,
)>;

impl FromSql<NamedColumns, Pg> for ListedChat {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let (id, archived, pinned, muted_until, unread, last_message_at, active_at, address, name) =
            FromSql::<NamedColumns, Pg>::from_sql(value)?;
        let held = HeldSessionChat { id, archived, pinned, muted_until, unread, last_message_at };
        Ok(listed((held, active_at, address, name, None)))
    }
}

impl Queryable<NamedColumns, Pg> for ListedChat {
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

diesel::define_sql_function! {
    /// A page of the list, a row for each chat.
    fn session_chats_named(
        org: Uuid,
        session: Text,
        part: Text,
        archived: Nullable<Bool>,
        pinned: Nullable<Bool>,
        muted: Nullable<Bool>,
        unread: Nullable<Bool>,
        group: Nullable<Bool>,
        after_pinned: Nullable<Bool>,
        after_active_at: Nullable<Timestamptz>,
        after_id: Nullable<BigInt>,
        most: BigInt,
    ) -> Record<(
        BigInt,
        Bool,
        Bool,
        Nullable<Timestamptz>,
        Nullable<Integer>,
        Nullable<Timestamptz>,
        Timestamptz,
        Text,
        Nullable<Text>,
    )>;
}

/// At most that many chats of the session whose name contains that part, after that place. Finds all of them before it
/// sorts: for names that few have.
pub(super) fn page(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    part: &str,
    filter: &ChatFilter,
    after: Option<ChatPlace>,
    limit: i64,
) -> StoreResult<Vec<ListedChat>> {
    let page = session_chats_named(
        org,
        session,
        part,
        filter.archived,
        filter.pinned,
        filter.muted,
        filter.unread,
        filter.group,
        after.map(|place| place.pinned),
        after.map(|place| place.active_at),
        after.map(|place| place.id),
        limit,
    );
    Ok(diesel::select(page).load(connection)?)
}
