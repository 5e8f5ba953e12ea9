//! Statements of ingest for chats and their addresses.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::bulk::{UpdateRows, array, key_in, texts, unnest};
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
    let addresses: Vec<&str> = addresses.iter().map(|address| address.as_str()).collect();
    let rows: Vec<(ChatAddress, i64)> = chat_addresses::table
        .filter(key_in((chat_addresses::org_id, chat_addresses::address), org, texts(addresses)))
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
    let ids: Vec<&str> = new.iter().map(|(address, _)| address.as_str()).collect();
    let kinds: Vec<&str> = new.iter().map(|(_, kind)| *kind).collect();
    let created: Vec<(i64, String)> =
        diesel::select((org.into_sql::<Uuid>(), unnest(texts(ids)), unnest(texts(kinds))))
            .insert_into(chats::table)
            .into_columns((chats::org_id, chats::chat_id, chats::type_))
            .on_conflict_do_nothing()
            .returning((chats::chat_key, chats::chat_id))
            .get_results(connection)?;
    let (keys, addresses): (Vec<i64>, Vec<String>) = created.into_iter().unzip();
    diesel::select((org.into_sql::<Uuid>(), unnest(texts(addresses)), unnest(array::<BigInt, _>(keys))))
        .insert_into(chat_addresses::table)
        .into_columns((chat_addresses::org_id, chat_addresses::address, chat_addresses::chat_key))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// Locks and returns these chats.
pub fn lock_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<Chat>> {
    Ok(chats::table
        .filter(key_in((chats::org_id, chats::chat_key), org, array::<BigInt, _>(keys)))
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
    let text = |field: fn(&Chat) -> Option<&str>| -> Vec<Option<&str>> {
        rows.iter().map(|row| field(row)).collect()
    };
    let flag = |field: fn(&Chat) -> Option<bool>| -> Vec<Option<bool>> {
        rows.iter().map(|row| field(row)).collect()
    };
    let statement = UpdateRows {
        table: "chats",
        keys: &["chat_key"],
        columns: &[
            "type",
            "name",
            "image",
            "description",
            "invite_link",
            "info_admins_only",
            "messages_admins_only",
            "add_members_admins_only",
            "member_add_mode",
            "created_at",
            "updated_at",
        ],
        org,
        arrays: (
            array::<BigInt, _>(rows.iter().map(|row| row.chat_key).collect::<Vec<_>>()),
            texts(rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>()),
            array::<Nullable<Text>, _>(text(|row| row.name.as_deref())),
            array::<Nullable<Text>, _>(text(|row| row.image.as_deref())),
            array::<Nullable<Text>, _>(text(|row| row.description.as_deref())),
            array::<Nullable<Text>, _>(text(|row| row.invite_link.as_deref())),
            array::<Nullable<Bool>, _>(flag(|row| row.info_admins_only)),
            array::<Nullable<Bool>, _>(flag(|row| row.messages_admins_only)),
            array::<Nullable<Bool>, _>(flag(|row| row.add_members_admins_only)),
            array::<Nullable<Text>, _>(text(|row| row.member_add_mode.as_deref())),
            array::<Nullable<Timestamptz>, _>(rows.iter().map(|row| row.created_at).collect::<Vec<_>>()),
            array::<Timestamptz, _>(rows.iter().map(|row| row.updated_at).collect::<Vec<_>>()),
        ),
    };
    statement.execute(connection)?;
    Ok(())
}
