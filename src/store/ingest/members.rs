//! Statements of ingest for members of chats.

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, replace_columns};
use crate::ids::{ChatAddress, OrgId};
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::chat_members;

/// A member's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Member {
    /// The chat.
    pub chat_key: i64,
    /// The contact.
    pub contact: ChatAddress,
    /// Whether the contact is an admin of the group.
    pub is_admin: bool,
    /// Whether the contact created the group.
    pub is_super_admin: bool,
}

/// The members of these chats.
pub fn members_of(connection: &mut Connection, org: OrgId, chat_keys: &[i64]) -> StoreResult<Vec<Member>> {
    Ok(chat_members::table
        .filter(chat_members::org_id.eq(org))
        .filter(chat_members::chat_key.eq_any(chat_keys))
        .select((
            chat_members::chat_key,
            chat_members::contact_id,
            chat_members::is_admin,
            chat_members::is_super_admin,
        ))
        .load(connection)?)
}

/// The memberships of these contacts.
pub fn memberships_of(
    connection: &mut Connection,
    org: OrgId,
    contacts: &[&ChatAddress],
) -> StoreResult<Vec<Member>> {
    Ok(chat_members::table
        .filter(has_key_of!(org, chat_members, contacts, |contact| { contact_id: contact.as_str() }))
        .select((
            chat_members::chat_key,
            chat_members::contact_id,
            chat_members::is_admin,
            chat_members::is_super_admin,
        ))
        .load(connection)?)
}

/// Inserts those of these members that are none yet.
pub fn add_missing_members(connection: &mut Connection, org: OrgId, rows: &[Member]) -> StoreResult<()> {
    let insert = insert_rows!(org, chat_members, rows, |row| {
        chat_key: row.chat_key,
        contact_id: row.contact.as_str(),
        is_admin: row.is_admin,
        is_super_admin: row.is_super_admin,
    });
    insert.on_conflict_do_nothing().execute(connection)?;
    Ok(())
}

/// Inserts or updates these members.
pub fn add_members(connection: &mut Connection, org: OrgId, rows: &[Member]) -> StoreResult<()> {
    let insert = insert_rows!(org, chat_members, rows, |row| {
        chat_key: row.chat_key,
        contact_id: row.contact.as_str(),
        is_admin: row.is_admin,
        is_super_admin: row.is_super_admin,
    });
    insert
        .on_conflict((chat_members::org_id, chat_members::chat_key, chat_members::contact_id))
        .do_update()
        .set(replace_columns!(chat_members: is_admin, is_super_admin))
        .execute(connection)?;
    Ok(())
}

/// Removes these members.
pub fn remove_members(connection: &mut Connection, org: OrgId, rows: &[Member]) -> StoreResult<()> {
    let is_removed = has_key_of!(org, chat_members, rows, |row| {
        chat_key: row.chat_key,
        contact_id: row.contact.as_str(),
    });
    diesel::delete(chat_members::table).filter(is_removed).execute(connection)?;
    Ok(())
}
