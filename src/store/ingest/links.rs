//! Statements of ingest for links of LIDs to phone numbers, and for the addresses of chats.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::ids::{ChatAddress, OrgId};
use crate::instant::Instant;
use crate::store::bulk::{has_key_of, insert_rows, update_rows};
use crate::store::connection::{Connection, StoreResult};
use crate::store::events::{EventKind, FieldChanges};
use crate::store::schema::{chat_activity, chat_addresses, chats, lids, session_chats};
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

/// A chat whose canonical address changes.
#[derive(Clone, Copy, Debug)]
pub struct Renamed<'a> {
    /// The chat, which is no group.
    pub chat_key: i64,
    /// The previous address.
    pub from: &'a ChatAddress,
    /// The new address.
    pub to: &'a ChatAddress,
}

/// Gives chats of LIDs the phone number as their canonical address.
pub fn rename_chats(tx: &mut Transaction<'_>, renamed: &[Renamed<'_>], now: Instant) -> StoreResult<()> {
    let update = update_rows!(tx.org(), chats, renamed, |chat| { chat_key: chat.chat_key } set {
        chat_id: chat.to.as_str(),
        updated_at: now,
    });
    update.execute(&mut **tx)?;
    let copied = update_rows!(tx.org(), session_chats, renamed, |chat| { chat_key: chat.chat_key } set {
        listed_id: chat.to.as_str(),
    });
    copied.execute(&mut **tx)?;
    let copied = update_rows!(tx.org(), chat_activity, renamed, |chat| { chat_key: chat.chat_key } set {
        listed_id: chat.to.as_str(),
    });
    copied.execute(&mut **tx)?;
    for Renamed { chat_key, from, to } in renamed {
        let changes = FieldChanges::default().field("chat_id", &from.as_str(), &to.as_str());
        tx.record_changes(*chat_key, None, EventKind::Details, changes);
    }
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
