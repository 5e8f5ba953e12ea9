//! Links of LIDs to phone numbers, and merges of their chats.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid};

use super::bulk::{array, key_in, texts};
use super::messages::{COLUMNS, Message, MessageKey, Row, message};
use super::session_chats::SessionChatKey;
use crate::ids::{ChatAddress, OrgId, SessionId};
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
    let lids_to_find: Vec<&str> = addresses.iter().map(|lid| lid.as_str()).collect();
    let rows: Vec<(ChatAddress, ChatAddress)> = lids::table
        .filter(key_in((lids::org_id, lids::lid), org, texts(lids_to_find)))
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
    let (of, phones): (Vec<&str>, Vec<&str>) =
        links.iter().map(|(lid, phone)| (lid.as_str(), phone.as_str())).unzip();
    let _: i64 = diesel::select(functions::link_lids(org.into_sql::<Uuid>(), texts(of), texts(phones)))
        .get_result(connection)?;
    Ok(())
}

/// Adds the LIDs of these phone numbers to the addresses of their chats.
pub fn add_lid_addresses(
    connection: &mut Connection,
    org: OrgId,
    phones: &[&ChatAddress],
) -> StoreResult<()> {
    let phones: Vec<&str> = phones.iter().map(|phone| phone.as_str()).collect();
    lids::table
        .inner_join(
            chat_addresses::table
                .on(chat_addresses::org_id.eq(lids::org_id).and(chat_addresses::address.eq(lids::address))),
        )
        .filter(key_in((lids::org_id, lids::address), org, texts(phones)))
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
    let (from, into): (Vec<i64>, Vec<i64>) = merges.iter().map(|merge| (merge.from, merge.into)).unzip();
    let _: i64 = diesel::select(functions::merge_chats(
        org.into_sql::<Uuid>(),
        array::<BigInt, _>(from),
        array::<BigInt, _>(into),
    ))
    .get_result(connection)?;
    Ok(())
}

/// Moves pending commands to the kept chats, whose merged state they then send. Each chat occurs once.
///
/// Requires the exclusive lock of the organization.
pub fn move_commands(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    let (from, into): (Vec<i64>, Vec<i64>) = merges.iter().map(|merge| (merge.from, merge.into)).unzip();
    let _: i64 = diesel::select(functions::move_commands(
        org.into_sql::<Uuid>(),
        array::<BigInt, _>(from),
        array::<BigInt, _>(into),
    ))
    .get_result(connection)?;
    Ok(())
}

/// All messages that are left in these chats.
pub fn messages_of_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<Vec<Message>> {
    let rows: Vec<Row> = session_chats::table
        .inner_join(
            messages::table.on(messages::org_id
                .eq(session_chats::org_id)
                .and(messages::session_id.eq(session_chats::session_id))
                .and(messages::chat_key.eq(session_chats::chat_key))),
        )
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .select(COLUMNS)
        .load(connection)?;
    Ok(rows.into_iter().map(message).collect())
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
    let rows: Vec<(SessionId, i64)> = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .order((session_chats::session_id, session_chats::chat_key))
        .select((session_chats::session_id, session_chats::chat_key))
        .load(connection)?;
    Ok(rows.into_iter().map(|(session, chat_key)| SessionChatKey { session, chat_key }).collect())
}

/// Stored messages of these chats that have pending receipts.
pub fn messages_with_pending_receipts(
    connection: &mut Connection,
    org: OrgId,
    keys: &[i64],
) -> StoreResult<Vec<MessageKey>> {
    let rows: Vec<(SessionId, i64, String)> = session_chats::table
        .inner_join(
            pending_receipts::table.on(pending_receipts::org_id
                .eq(session_chats::org_id)
                .and(pending_receipts::session_id.eq(session_chats::session_id))
                .and(pending_receipts::chat_key.eq(session_chats::chat_key))),
        )
        .inner_join(
            messages::table.on(messages::org_id
                .eq(pending_receipts::org_id)
                .and(messages::session_id.eq(pending_receipts::session_id))
                .and(messages::chat_key.eq(pending_receipts::chat_key))
                .and(messages::message_id.eq(pending_receipts::message_id))),
        )
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys))
        .select((messages::session_id, messages::chat_key, messages::message_id))
        .distinct()
        .load(connection)?;
    let key = |(session, chat_key, id)| MessageKey { chat: SessionChatKey { session, chat_key }, id };
    Ok(rows.into_iter().map(key).collect())
}
