//! Statements for chats that a caller deleted from a session.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::bulk::{has_key_of, insert_rows, replace_columns};
use crate::connection::{Connection, StoreResult};
use crate::schema::chat_deletions;
use switchboard_core::ids::{ChatAddress, OrgId, SessionId};
use switchboard_core::instant::Instant;

/// A chat of a session, by its canonical address.
pub type DeletedChat = (SessionId, ChatAddress);

/// Which of these chats were deleted, and when.
pub fn deletions(
    connection: &mut Connection,
    org: OrgId,
    chats: &[&DeletedChat],
) -> StoreResult<BTreeMap<DeletedChat, Instant>> {
    let is_wanted = has_key_of!(org, chat_deletions, chats, |chat| {
        session_id: chat.0,
        address: chat.1.as_str(),
    });
    let rows: Vec<(DeletedChat, Instant)> = chat_deletions::table
        .filter(is_wanted)
        .select(((chat_deletions::session_id, chat_deletions::address), chat_deletions::deleted_at))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Removes the deletions of these chats.
pub fn remove_deletions(connection: &mut Connection, org: OrgId, chats: &[&DeletedChat]) -> StoreResult<()> {
    let is_removed = has_key_of!(org, chat_deletions, chats, |chat| {
        session_id: chat.0,
        address: chat.1.as_str(),
    });
    diesel::delete(chat_deletions::table).filter(is_removed).execute(connection)?;
    Ok(())
}

/// Stores that chats were deleted; no later deletion is stored.
pub fn add_deletions(
    connection: &mut Connection,
    org: OrgId,
    deleted: &[(DeletedChat, Instant)],
) -> StoreResult<()> {
    insert_rows!(org, chat_deletions, deleted, |row| {
        session_id: row.0.0,
        address: row.0.1.as_str(),
        deleted_at: row.1,
    })
    .on_conflict((chat_deletions::org_id, chat_deletions::session_id, chat_deletions::address))
    .do_update()
    .set(replace_columns!(chat_deletions: deleted_at))
    .execute(connection)?;
    Ok(())
}

/// Deletes and returns the deletions of chats with these addresses.
pub fn take_deletions_at(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<Vec<(DeletedChat, Instant)>> {
    let is_wanted = has_key_of!(org, chat_deletions, addresses, |address| { address: address.as_str() });
    let deleted = diesel::delete(chat_deletions::table).filter(is_wanted);
    let columns = ((chat_deletions::session_id, chat_deletions::address), chat_deletions::deleted_at);
    Ok(deleted.returning(columns).get_results(connection)?)
}
