//! A page of a session's chats, found by a part of their names.

#![allow(clippy::too_many_arguments, reason = "the SQL function takes every filter of the list")]

use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::{ChatColumns, ChatFilter, ChatPlace};
use crate::ids::{OrgId, SessionId};
use crate::instant::Instant;

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
    ) -> ChatColumns;
}

type Page<'a> = session_chats_named<
    OrgId,
    SessionId,
    &'a str,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<Instant>,
    Option<i64>,
    i64,
>;

/// At most that many chats of the session whose name contains that part, after that place.
pub(super) fn page<'a>(
    org: OrgId,
    session: SessionId,
    part: &'a str,
    filter: &ChatFilter,
    after: Option<ChatPlace>,
    limit: i64,
) -> Page<'a> {
    session_chats_named(
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
    )
}
