//! Statements of ingest for chats and their addresses.

use std::collections::HashMap;

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, update_rows};
use crate::ids::{ChatAddress, OrgId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{chat_addresses, chats};

/// What all sessions share of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Chat {
    /// The chat inside this database.
    pub chat_key: i64,
    /// `user`, `group` or `business`.
    pub kind: String,
    /// A group's name, or the name that WhatsApp shows for a person.
    pub name: Option<String>,
    /// URL of the picture.
    pub image: Option<String>,
    /// A group's description.
    pub description: Option<String>,
    /// A group's invite link.
    pub invite_link: Option<String>,
    /// Whether only admins may change the group's name, picture and description.
    pub info_admins_only: Option<bool>,
    /// Whether only admins may send messages.
    pub messages_admins_only: Option<bool>,
    /// Whether only admins may add members.
    pub add_members_admins_only: Option<bool>,
    /// The value that WhatsApp reports for adding members, such as `admin_add`.
    pub member_add_mode: Option<String>,
    /// Creation time reported by WhatsApp.
    pub created_at: Option<Instant>,
    /// Time of the last change to what all sessions share.
    pub updated_at: Instant,
}

/// The chats of these addresses; addresses without a chat are left out.
pub fn chats_by_address(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<HashMap<ChatAddress, i64>> {
    let rows: Vec<(ChatAddress, i64)> = chat_addresses::table
        .filter(has_key_of!(org, chat_addresses, addresses, |address| { address: address.as_str() }))
        .select((chat_addresses::address, chat_addresses::chat_key))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Creates a chat of the given type for each address that has none. The addresses must be in ascending order.
pub fn create_chats(
    connection: &mut Connection,
    org: OrgId,
    new: &[(&ChatAddress, &'static str)],
) -> StoreResult<()> {
    let created: Vec<(i64, String)> =
        insert_rows!(org, chats, new, |chat| { chat_id: chat.0.as_str(), type_: chat.1 })
            .on_conflict_do_nothing()
            .returning((chats::chat_key, chats::chat_id))
            .get_results(connection)?;
    insert_rows!(org, chat_addresses, created, |chat| { address: chat.1.as_str(), chat_key: chat.0 })
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// Locks and returns these chats.
pub fn lock_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<Chat>> {
    Ok(chats::table
        .filter(has_key_of!(org, chats, keys, |key| { chat_key: *key }))
        .select((
            chats::chat_key,
            chats::type_,
            chats::name,
            chats::image,
            chats::description,
            chats::invite_link,
            chats::info_admins_only,
            chats::messages_admins_only,
            chats::add_members_admins_only,
            chats::member_add_mode,
            chats::created_at,
            chats::updated_at,
        ))
        .order(chats::chat_key)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates these chats, which exist.
pub fn update_chats(connection: &mut Connection, org: OrgId, rows: &[Chat]) -> StoreResult<()> {
    let update = update_rows!(org, chats, rows, |row| { chat_key: row.chat_key } set {
        type_: row.kind.as_str(),
        name: row.name.as_deref(),
        image: row.image.as_deref(),
        description: row.description.as_deref(),
        invite_link: row.invite_link.as_deref(),
        info_admins_only: row.info_admins_only,
        messages_admins_only: row.messages_admins_only,
        add_members_admins_only: row.add_members_admins_only,
        member_add_mode: row.member_add_mode.as_deref(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    update.execute(connection)?;
    Ok(())
}
