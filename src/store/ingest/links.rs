//! Statements of ingest for links of LIDs to phone numbers, and for the addresses of chats.

use std::collections::HashMap;

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, update_rows};
use crate::ids::{ChatAddress, OrgId};
use crate::instant::Instant;
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{chat_addresses, chats, lids};
use crate::store::touch::touch_chats;
use crate::store::transaction::Transaction;

/// The phone numbers of these LIDs; LIDs without a link are left out.
pub fn phones_of_lids(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<HashMap<ChatAddress, ChatAddress>> {
    let rows: Vec<(ChatAddress, ChatAddress)> = lids::table
        .filter(has_key_of!(org, lids, addresses, |address| { lid: address.as_str() }))
        .select((lids::lid, lids::address))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Stores links of LIDs to phone numbers.
pub fn add_links(
    connection: &mut Connection,
    org: OrgId,
    links: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    insert_rows!(org, lids, links, |link| { lid: link.0.as_str(), address: link.1.as_str() })
        .execute(connection)?;
    Ok(())
}

/// Makes an address of each of these chats the one that it is shown with.
pub fn rename_chats(
    connection: &mut Connection,
    org: OrgId,
    renamed: &[(i64, &ChatAddress)],
    now: Instant,
) -> StoreResult<()> {
    let update = update_rows!(org, chats, renamed, |chat| { chat_key: chat.0 } set {
        chat_id: chat.1.as_str(),
        updated_at: now,
    });
    update.execute(connection)?;
    Ok(())
}

/// Sets `updated_at` of these chats to the present time.
pub fn touch(tx: &mut Transaction<'_>, keys: &[i64]) -> StoreResult<()> {
    touch_chats!(tx, keys)?;
    Ok(())
}

/// Adds addresses to chats; an address that a chat has already stays with it.
pub fn add_addresses(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[(&ChatAddress, i64)],
) -> StoreResult<()> {
    insert_rows!(org, chat_addresses, addresses, |row| { address: row.0.as_str(), chat_key: row.1 })
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// Adds the LIDs of these phone numbers to the addresses of their chats.
pub fn add_lid_addresses(
    connection: &mut Connection,
    org: OrgId,
    phones: &[&ChatAddress],
) -> StoreResult<()> {
    let chat = chat_addresses::org_id.eq(lids::org_id).and(chat_addresses::address.eq(lids::address));
    lids::table
        .inner_join(chat_addresses::table.on(chat))
        .filter(has_key_of!(org, lids, phones, |phone| { address: phone.as_str() }))
        .select((lids::org_id, lids::lid, chat_addresses::chat_key))
        .insert_into(chat_addresses::table)
        .into_columns((chat_addresses::org_id, chat_addresses::address, chat_addresses::chat_key))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}
