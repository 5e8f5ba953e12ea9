//! Statements of ingest for the addresses of persons and chats.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::bulk::{has_key_of, insert_rows, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::events::{EventKind, FieldChanges};
use crate::schema::{chat_activity, chat_addresses, chats, person_links, session_chats};
use crate::transaction::Transaction;
use switchboard_core::ids::{ChatAddress, OrgId};
use switchboard_core::instant::Instant;

/// The addresses by which the persons with these addresses are known.
///
/// Addresses without a link are left out.
pub fn persons_of(
    connection: &mut Connection,
    org: OrgId,
    addresses: &[&ChatAddress],
) -> StoreResult<HashMap<ChatAddress, ChatAddress>> {
    let rows: Vec<(ChatAddress, ChatAddress)> = person_links::table
        .filter(has_key_of!(org, person_links, addresses, |address| { address: address.as_str() }))
        .select((person_links::address, person_links::person))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Stores links from addresses to persons; an address that has one keeps it.
pub fn add_new_links(
    connection: &mut Connection,
    org: OrgId,
    links: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    insert_rows!(org, person_links, links, |link| { address: link.0.as_str(), person: link.1.as_str() })
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// Makes the person known by the first of each pair known by the second.
pub fn join_links(
    connection: &mut Connection,
    org: OrgId,
    pairs: &[(&ChatAddress, &ChatAddress)],
) -> StoreResult<()> {
    update_rows!(org, person_links, pairs, |pair| { person: pair.0.as_str() } set { person: pair.1.as_str() })
        .execute(connection)?;
    add_new_links(connection, org, pairs)
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

/// Gives chats another canonical address.
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

/// Adds the other addresses of these persons to the addresses of their chats.
pub fn add_linked_addresses(
    connection: &mut Connection,
    org: OrgId,
    persons: &[&ChatAddress],
) -> StoreResult<()> {
    let same_org = chat_addresses::org_id.eq(person_links::org_id);
    person_links::table
        .inner_join(chat_addresses::table.on(same_org.and(chat_addresses::address.eq(person_links::person))))
        .filter(has_key_of!(org, person_links, persons, |person| { person: person.as_str() }))
        .select((person_links::org_id, person_links::address, chat_addresses::chat_key))
        .insert_into(chat_addresses::table)
        .into_columns((chat_addresses::org_id, chat_addresses::address, chat_addresses::chat_key))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}
