//! Statements of ingest for chats and their addresses.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::changed::{Changed, FieldTimes};
use super::looks::{self, Look};
use crate::bulk::{has_key_of, insert_rows, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::events::{EventKind, FieldChanges};
use crate::json::Json;
use crate::schema::{chat_activity, chat_addresses, chats, session_chats};
use crate::transaction::Transaction;
use switchboard_core::folding::name_key;
use switchboard_core::ids::{ChatAddress, OrgId};
use switchboard_core::instant::Instant;

/// What all sessions share of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Chat {
    /// The chat inside this database.
    pub chat_key: i64,
    /// The canonical address.
    pub address: ChatAddress,
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
    /// When each field was last reported, and as `members` the list of members.
    pub field_times: Json<FieldTimes>,
    /// When each member changed after the list of members was reported.
    pub member_times: Json<FieldTimes>,
}

impl Chat {
    fn look(&self) -> Look {
        Look { name: self.name.clone(), image: self.image.clone() }
    }
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
            chats::chat_id,
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
            chats::field_times,
            chats::member_times,
        ))
        .order(chats::chat_key)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates these chats, and records what changed.
pub fn update_chats(tx: &mut Transaction<'_>, changed: &[Changed<Chat>]) -> StoreResult<()> {
    set_chats(tx, changed)?;
    for (chat_key, changes) in details(tx, changed)? {
        tx.record_changes(chat_key, None, EventKind::Details, changes);
    }
    Ok(())
}

/// The changed fields of each chat, as change events of kind `details` have them.
pub(super) fn details(
    tx: &mut Transaction<'_>,
    changed: &[Changed<Chat>],
) -> StoreResult<Vec<(i64, FieldChanges)>> {
    let org = tx.org();
    let renamed = changed.iter().filter(|chat| chat.before.look() != chat.after.look());
    let renamed: Vec<&ChatAddress> = renamed.map(|chat| &chat.after.address).collect();
    let contacts = looks::of_contacts(tx, org, &renamed)?;
    let no_contact = Look::default();
    let details = changed.iter().map(|Changed { before, after }| {
        let contact = contacts.get(&after.address).unwrap_or(&no_contact);
        let changes = looks::changes((contact, &before.look()), (contact, &after.look()))
            .field("type", &before.kind, &after.kind)
            .field("description", &before.description, &after.description)
            .field("invite_link", &before.invite_link, &after.invite_link)
            .field("info_admins_only", &before.info_admins_only, &after.info_admins_only)
            .field("messages_admins_only", &before.messages_admins_only, &after.messages_admins_only)
            .field("add_members_admins_only", &before.add_members_admins_only, &after.add_members_admins_only)
            .field("member_add_mode", &before.member_add_mode, &after.member_add_mode)
            .field("created_at", &before.created_at, &after.created_at);
        (after.chat_key, changes)
    });
    Ok(details.collect())
}

/// [`update_chats`] without recording.
pub(super) fn set_chats(tx: &mut Transaction<'_>, changed: &[Changed<Chat>]) -> StoreResult<()> {
    let update = update_rows!(tx.org(), chats, changed, |row| { chat_key: row.after.chat_key } set {
        type_: row.after.kind.as_str(),
        name: row.after.name.as_deref(),
        search_key: row.after.name.as_deref().map(name_key),
        image: row.after.image.as_deref(),
        description: row.after.description.as_deref(),
        invite_link: row.after.invite_link.as_deref(),
        info_admins_only: row.after.info_admins_only,
        messages_admins_only: row.after.messages_admins_only,
        add_members_admins_only: row.after.add_members_admins_only,
        member_add_mode: row.after.member_add_mode.as_deref(),
        created_at: row.after.created_at,
        updated_at: row.after.updated_at,
        field_times: json!(row.after.field_times.0),
        member_times: json!(row.after.member_times.0),
    });
    update.execute(&mut **tx)?;
    let other_kind = changed.iter().filter(|row| row.before.kind != row.after.kind);
    let other_kind = other_kind.map(|Changed { after, .. }| (after.chat_key, &after.address, &*after.kind));
    copy_to_lists(tx, &other_kind.collect::<Vec<_>>())
}

/// Copies address and type of chats to the rows by which they are listed.
pub(super) fn copy_to_lists(
    tx: &mut Transaction<'_>,
    chats: &[(i64, &ChatAddress, &str)],
) -> StoreResult<()> {
    if chats.is_empty() {
        return Ok(());
    }
    let copied = update_rows!(tx.org(), session_chats, chats, |chat| { chat_key: chat.0 } set {
        listed_id: chat.1.as_str(),
        listed_type: chat.2,
    });
    copied.execute(&mut **tx)?;
    let copied = update_rows!(tx.org(), chat_activity, chats, |chat| { chat_key: chat.0 } set {
        listed_id: chat.1.as_str(),
        listed_type: chat.2,
    });
    copied.execute(&mut **tx)?;
    Ok(())
}
