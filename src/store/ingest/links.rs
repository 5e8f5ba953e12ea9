//! Links of LIDs to phone numbers, and merges of their chats.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid};

use super::bulk::{array, has_key_of};
use super::messages::{Message, MessageKey, message_columns};
use super::session_chats::SessionChatKey;
use crate::ids::{ChatAddress, OrgId};
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{chat_addresses, chats, lids, messages, pending_receipts, session_chats};

/// SQL functions of the migrations, which describe them.
mod functions {
    use diesel::sql_types::{Array, BigInt, Text, Uuid};

    diesel::define_sql_function! {
        fn link_lids(org: Uuid, lids: Array<Text>, addresses: Array<Text>) -> BigInt;
    }

    diesel::define_sql_function! {
        fn merge_chats(org: Uuid, from_keys: Array<BigInt>, into_keys: Array<BigInt>) -> BigInt;
    }

    diesel::define_sql_function! {
        fn move_commands(org: Uuid, from_keys: Array<BigInt>, into_keys: Array<BigInt>) -> BigInt;
    }
}

/// Calls a SQL function with the organization and two arrays, one value of each for every row.
macro_rules! call {
    ($connection:expr, $function:ident, $org:expr, $type:ty, $rows:expr, |$row:ident| $first:expr, $second:expr) => {{
        let first = array::<$type, _>($rows.iter().map(|$row| $first).collect::<Vec<_>>());
        let second = array::<$type, _>($rows.iter().map(|$row| $second).collect::<Vec<_>>());
        let call = functions::$function($org.into_sql::<Uuid>(), first, second);
        let _: i64 = diesel::select(call).get_result($connection)?;
        Ok(())
    }};
}

/// A merge of two chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The chat that is removed.
    pub from: i64,
    /// The chat that is kept.
    pub into: i64,
}

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

/// Links LIDs to phone numbers, each of which occurs once. Requires the exclusive lock of the organization.
pub fn link_lids(
    connection: &mut Connection,
    org: OrgId,
    links: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    call!(connection, link_lids, org, Text, links, |link| link.0.as_str(), link.1.as_str())
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

/// Moves everything to the kept chats but the messages that both have. Each chat occurs once.
///
/// Requires the exclusive lock of the organization.
pub fn merge(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    call!(connection, merge_chats, org, BigInt, merges, |merge| merge.from, merge.into)
}

/// Moves pending commands to the kept chats, whose merged state they then send. Each chat occurs once.
///
/// Requires the exclusive lock of the organization.
pub fn move_commands(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    call!(connection, move_commands, org, BigInt, merges, |merge| merge.from, merge.into)
}

/// All messages that are left in these chats.
pub fn messages_of_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<Message>> {
    let message = messages::org_id
        .eq(session_chats::org_id)
        .and(messages::session_id.eq(session_chats::session_id))
        .and(messages::chat_key.eq(session_chats::chat_key));
    Ok(session_chats::table
        .inner_join(messages::table.on(message))
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .select(message_columns!())
        .load(connection)?)
}

/// Deletes these chats with everything that is left in them.
pub fn remove_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<()> {
    // First, so that a subscriber to both kinds of change events receives the chat's deletion last.
    let views = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys));
    diesel::delete(views).execute(connection)?;
    diesel::delete(chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.eq_any(keys)))
        .execute(connection)?;
    Ok(())
}

/// The keys of these chats in all sessions.
pub fn session_chat_keys(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
) -> StoreResult<Vec<SessionChatKey>> {
    Ok(session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .order((session_chats::session_id, session_chats::chat_key))
        .select((session_chats::session_id, session_chats::chat_key))
        .load(connection)?)
}

/// Stored messages of these chats that have pending receipts.
pub fn messages_with_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
) -> StoreResult<Vec<MessageKey>> {
    let receipt = pending_receipts::org_id
        .eq(session_chats::org_id)
        .and(pending_receipts::session_id.eq(session_chats::session_id))
        .and(pending_receipts::chat_key.eq(session_chats::chat_key));
    let message = messages::org_id
        .eq(pending_receipts::org_id)
        .and(messages::session_id.eq(pending_receipts::session_id))
        .and(messages::chat_key.eq(pending_receipts::chat_key))
        .and(messages::message_id.eq(pending_receipts::message_id));
    Ok(session_chats::table
        .inner_join(pending_receipts::table.on(receipt))
        .inner_join(messages::table.on(message))
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .select(((messages::session_id, messages::chat_key), messages::message_id))
        .distinct()
        .load(connection)?)
}
