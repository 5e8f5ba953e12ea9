//! Statements of ingest for members of chats.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Uuid};
use diesel::upsert::excluded;

use super::bulk::{array, key_in, texts, unnest};
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

/// Inserts or updates these members.
pub fn add_members(connection: &mut Connection, org: OrgId, rows: &[Member]) -> StoreResult<()> {
    let flag = |field: fn(&Member) -> bool| array::<Bool, _>(rows.iter().map(field).collect::<Vec<_>>());
    diesel::select((
        org.into_sql::<Uuid>(),
        unnest(array::<BigInt, _>(rows.iter().map(|row| row.chat_key).collect::<Vec<_>>())),
        unnest(texts(rows.iter().map(|row| row.contact.as_str()).collect::<Vec<_>>())),
        unnest(flag(|row| row.is_admin)),
        unnest(flag(|row| row.is_super_admin)),
    ))
    .insert_into(chat_members::table)
    .into_columns((
        chat_members::org_id,
        chat_members::chat_key,
        chat_members::contact_id,
        chat_members::is_admin,
        chat_members::is_super_admin,
    ))
    .on_conflict((chat_members::org_id, chat_members::chat_key, chat_members::contact_id))
    .do_update()
    .set((
        chat_members::is_admin.eq(excluded(chat_members::is_admin)),
        chat_members::is_super_admin.eq(excluded(chat_members::is_super_admin)),
    ))
    .execute(connection)?;
    Ok(())
}

/// Removes these members.
pub fn remove_members(connection: &mut Connection, org: OrgId, rows: &[Member]) -> StoreResult<()> {
    let keys = (
        array::<BigInt, _>(rows.iter().map(|row| row.chat_key).collect::<Vec<_>>()),
        texts(rows.iter().map(|row| row.contact.as_str()).collect::<Vec<_>>()),
    );
    diesel::delete(chat_members::table)
        .filter(key_in((chat_members::org_id, chat_members::chat_key, chat_members::contact_id), org, keys))
        .execute(connection)?;
    Ok(())
}
