//! The read mark and the unread count of a chat as one session sees it.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, SingleValue, SqlType};

use super::chats::clock_timestamp;
use super::schema::{chat_addresses, session_chats};
use super::session_chats::held_at;
use super::{Connection, StoreResult};
use crate::ids::{ChatAddress, OrgId, SessionId};

diesel::define_sql_function! {
    /// The greater of two values, or the one that is there.
    fn greatest<T: SqlType + SingleValue>(one: Nullable<T>, other: Nullable<T>) -> Nullable<T>;
}

/// Moves the read mark to the newest message, if it is not there or beyond, and counts nothing as unread. A chat that is
/// like that already is not touched. Says whether it was.
pub fn mark_read(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<bool> {
    let newest = || greatest(session_chats::read_up_to, session_chats::last_message_at);
    let is_other =
        session_chats::unread.is_distinct_from(0).or(session_chats::read_up_to.is_distinct_from(newest()));
    let touched = diesel::update(held_at!(org, session, address).filter(is_other))
        .set((
            session_chats::read_up_to.eq(newest()),
            session_chats::unread.eq(0),
            session_chats::updated_at.eq(clock_timestamp()),
        ))
        .execute(connection)?;
    Ok(touched > 0)
}

/// Counts one message as unread where none is; the read mark stays where it is. Says whether that changed anything.
pub fn mark_unread(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<bool> {
    let is_read = session_chats::unread.is_null().or(session_chats::unread.eq(0));
    let touched = diesel::update(held_at!(org, session, address).filter(is_read))
        .set((session_chats::unread.eq(1), session_chats::updated_at.eq(clock_timestamp())))
        .execute(connection)?;
    Ok(touched > 0)
}
