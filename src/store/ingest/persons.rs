//! Which LID is which phone number, and making one chat of two.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid};

use super::bulk::{array, key_in, texts};
use super::messages::{COLUMNS, Message, MessageKey, Row, message};
use super::session_chats::SessionChatKey;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::{chat_addresses, chats, lids, messages, pending_receipts, session_chats};

diesel::define_sql_function! {
    /// See the migration.
    fn link_lids(org: Uuid, lids: Array<Text>, addresses: Array<Text>) -> BigInt;
}

diesel::define_sql_function! {
    /// See the migration.
    fn merge_chats(org: Uuid, from_keys: Array<BigInt>, into_keys: Array<BigInt>) -> BigInt;
}

diesel::define_sql_function! {
    /// See the migration.
    fn move_commands(org: Uuid, from_keys: Array<BigInt>, into_keys: Array<BigInt>) -> BigInt;
}

/// A chat that is to become part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The chat that goes.
    pub from: i64,
    /// The chat that stays.
    pub into: i64,
}

/// The phone numbers of these LIDs; a LID that is not tied to one is left out.
pub fn phones_of_lids(
    connection: &mut Connection,
    org: OrgId,
    of: &[&ChatAddress],
) -> StoreResult<HashMap<ChatAddress, ChatAddress>> {
    let of: Vec<&str> = of.iter().map(|lid| lid.as_str()).collect();
    let rows: Vec<(ChatAddress, ChatAddress)> = lids::table
        .filter(key_in((lids::org_id, lids::lid), org, texts(of)))
        .select((lids::lid, lids::address))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Ties LIDs to phone numbers, each of which comes once. Nobody else writes to the organization.
pub fn tie(
    connection: &mut Connection,
    org: OrgId,
    ties: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    let (of, phones): (Vec<&str>, Vec<&str>) =
        ties.iter().map(|(lid, phone)| (lid.as_str(), phone.as_str())).unzip();
    let _: i64 =
        diesel::select(link_lids(org.into_sql::<Uuid>(), texts(of), texts(phones))).get_result(connection)?;
    Ok(())
}

/// Lets the chats of these phone numbers be found by the LIDs that are tied to them.
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

/// Gives the chats that stay everything but the messages that both have. Each chat comes once. Nobody else writes to the
/// organization.
pub fn merge(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    let (from, into): (Vec<i64>, Vec<i64>) = merges.iter().map(|merge| (merge.from, merge.into)).unzip();
    let _: i64 = diesel::select(merge_chats(
        org.into_sql::<Uuid>(),
        array::<BigInt, _>(from),
        array::<BigInt, _>(into),
    ))
    .get_result(connection)?;
    Ok(())
}

/// Lets the changes that connectors are to carry out on the chats that go be carried out on those that stay, which have
/// everything already: connectors are told what is stored of these. Each chat comes once. Nobody else writes to the
/// organization.
pub fn take_over_commands(connection: &mut Connection, org: OrgId, merges: &[Merge]) -> StoreResult<()> {
    let (from, into): (Vec<i64>, Vec<i64>) = merges.iter().map(|merge| (merge.from, merge.into)).unzip();
    let _: i64 = diesel::select(move_commands(
        org.into_sql::<Uuid>(),
        array::<BigInt, _>(from),
        array::<BigInt, _>(into),
    ))
    .get_result(connection)?;
    Ok(())
}

/// Everything that sessions still have of these chats.
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

/// Removes these chats with everything that is left in them.
pub fn remove_chats(connection: &mut Connection, org: OrgId, keys: &[i64]) -> StoreResult<()> {
    // First, so that whoever is told of both hears that the chat is gone after the last number let go of it.
    let held = session_chats::table
        .filter(session_chats::org_id.eq(org))
        .filter(session_chats::chat_key.eq_any(keys));
    diesel::delete(held).execute(connection)?;
    diesel::delete(chats::table.filter(chats::org_id.eq(org)).filter(chats::chat_key.eq_any(keys)))
        .execute(connection)?;
    Ok(())
}

/// The sessions that hold these chats.
pub fn holders_of_chats(
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

/// The messages of these chats that receipts wait for though they are there.
pub fn messages_waited_for(
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
