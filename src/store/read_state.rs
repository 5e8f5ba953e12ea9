//! The read mark and the unread count of a chat in one session.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, SingleValue, SqlType};

use super::connection::{Connection, StoreResult};
use super::schema::{chat_addresses, session_chats};
use super::session_chats::held_at;
use super::touch::clock_timestamp;
use crate::ids::{ChatAddress, OrgId, SessionId};

diesel::define_sql_function! {
    /// The greater of two values; null only when both are.
    fn greatest<T: SqlType + SingleValue>(one: Nullable<T>, other: Nullable<T>) -> Nullable<T>;
}

/// Moves the read mark forward to the newest message and sets the unread count to 0. Returns whether that changed
/// anything; an unchanged row is not written.
pub fn mark_read(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<bool> {
    let newest = || greatest(session_chats::read_up_to, session_chats::last_message_at);
    let differs =
        session_chats::unread.is_distinct_from(0).or(session_chats::read_up_to.is_distinct_from(newest()));
    let updated = diesel::update(held_at!(org, session, address).filter(differs))
        .set((
            session_chats::read_up_to.eq(newest()),
            session_chats::unread.eq(0),
            session_chats::updated_at.eq(clock_timestamp()),
        ))
        .execute(connection)?;
    Ok(updated > 0)
}

/// Sets the unread count to 1 if it is 0 or unset; the read mark stays. Returns whether that changed anything.
pub fn mark_unread(
    connection: &mut Connection,
    org: OrgId,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<bool> {
    let is_read = session_chats::unread.is_null().or(session_chats::unread.eq(0));
    let updated = diesel::update(held_at!(org, session, address).filter(is_read))
        .set((session_chats::unread.eq(1), session_chats::updated_at.eq(clock_timestamp())))
        .execute(connection)?;
    Ok(updated > 0)
}
