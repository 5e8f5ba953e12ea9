//! Statements of ingest for members of chats.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::bulk::{has_key_of, insert_rows, replace_columns};
use crate::chat_parts::{self, PartChange};
use crate::connection::{Connection, StoreResult};
use crate::events::EventKind;
use crate::schema::{chat_members, chats};
use crate::transaction::Transaction;
use switchboard_core::ids::{ChatAddress, OrgId};

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

/// The columns of a [`Member`].
macro_rules! member_columns {
    () => {
        (
            chat_members::chat_key,
            chat_members::contact_id,
            chat_members::is_admin,
            chat_members::is_super_admin,
        )
    };
}

/// The members of these chats.
pub fn members_of(connection: &mut Connection, org: OrgId, chat_keys: &[i64]) -> StoreResult<Vec<Member>> {
    Ok(chat_members::table
        .filter(chat_members::org_id.eq(org))
        .filter(chat_members::chat_key.eq_any(chat_keys))
        .select(member_columns!())
        .load(connection)?)
}

/// The memberships of these contacts.
pub fn memberships_of(
    connection: &mut Connection,
    org: OrgId,
    contacts: &[&ChatAddress],
) -> StoreResult<Vec<Member>> {
    Ok(chat_members::table
        .filter(has_key_of!(org, chat_members, contacts, |contact| { contact_id: contact.as_str() }))
        .select(member_columns!())
        .load(connection)?)
}

/// Adds members; one that is a member already has the admin rights of both.
pub(super) fn join_members(tx: &mut Transaction<'_>, rows: Vec<Member>) -> StoreResult<()> {
    let org = tx.org();
    let mut joined: BTreeMap<(i64, ChatAddress), Member> = BTreeMap::new();
    let stored: Vec<Member> = chat_members::table
        .filter(has_key_of!(org, chat_members, rows, |row| {
            chat_key: row.chat_key,
            contact_id: row.contact.as_str(),
        }))
        .select(member_columns!())
        .load(&mut **tx)?;
    let key = |member: &Member| (member.chat_key, member.contact.clone());
    let stored: BTreeMap<_, Member> = stored.into_iter().map(|member| (key(&member), member)).collect();
    for row in rows {
        let key = key(&row);
        let member = joined.entry(key.clone()).or_insert_with(|| stored.get(&key).unwrap_or(&row).clone());
        member.is_admin |= row.is_admin;
        member.is_super_admin |= row.is_super_admin;
    }
    let changed = joined.into_iter().map(|(key, member)| (stored.get(&key).cloned(), member));
    let changed: Vec<_> = changed.filter(|(before, after)| before.as_ref() != Some(after)).collect();
    if changed.is_empty() { Ok(()) } else { set_members(tx, &changed) }
}

/// Inserts or updates members; `before` of a new one is `None`. The chats are locked.
pub fn set_members(tx: &mut Transaction<'_>, changed: &[(Option<Member>, Member)]) -> StoreResult<()> {
    let insert = insert_rows!(tx.org(), chat_members, changed, |row| {
        chat_key: row.1.chat_key,
        contact_id: row.1.contact.as_str(),
        is_admin: row.1.is_admin,
        is_super_admin: row.1.is_super_admin,
    });
    insert
        .on_conflict((chat_members::org_id, chat_members::chat_key, chat_members::contact_id))
        .do_update()
        .set(replace_columns!(chat_members: is_admin, is_super_admin))
        .execute(&mut **tx)?;
    let (updated, added): (Vec<_>, Vec<_>) = changed.iter().partition(|(before, _)| before.is_some());
    let joined: Vec<i64> = added.iter().map(|(_, after)| after.chat_key).collect();
    for rows in [updated, added] {
        record(tx, rows.into_iter().map(|(before, after)| (after, before.as_ref(), Some(after))));
    }
    count_members(tx, joined.into_iter())
}

/// Removes these members.
pub fn remove_members(tx: &mut Transaction<'_>, rows: &[Member]) -> StoreResult<()> {
    let is_removed = has_key_of!(tx.org(), chat_members, rows, |row| {
        chat_key: row.chat_key,
        contact_id: row.contact.as_str(),
    });
    diesel::delete(chat_members::table).filter(is_removed).execute(&mut **tx)?;
    record(tx, rows.iter().map(|member| (member, Some(member), None)));
    count_members(tx, rows.iter().map(|member| member.chat_key))
}

/// Stores how many members these chats have.
fn count_members(tx: &mut Transaction<'_>, chat_keys: impl Iterator<Item = i64>) -> StoreResult<()> {
    let (org, chat_keys): (_, BTreeSet<i64>) = (tx.org(), chat_keys.collect());
    if chat_keys.is_empty() {
        return Ok(());
    }
    let of_chat = chat_members::table
        .filter(chat_members::org_id.eq(org))
        .filter(chat_members::chat_key.eq(chats::chat_key))
        .count()
        .single_value();
    diesel::update(chats::table)
        .filter(has_key_of!(org, chats, chat_keys, |key| { chat_key: *key }))
        .set(chats::member_count.eq(of_chat.assume_not_null()))
        .execute(&mut **tx)?;
    Ok(())
}

/// Records one event a chat. Of each member: the row that names it, then its rights before and after.
fn record<'m>(
    tx: &mut Transaction<'_>,
    changes: impl Iterator<Item = (&'m Member, Option<&'m Member>, Option<&'m Member>)>,
) {
    let rights = |member: Option<&Member>| {
        member.map_or(
            Value::Null,
            |member| json!({"is_admin": member.is_admin, "is_super_admin": member.is_super_admin}),
        )
    };
    let parts = changes.map(|(member, before, after)| PartChange {
        chat_key: member.chat_key,
        id: member.contact.as_str(),
        before: rights(before),
        after: rights(after),
    });
    chat_parts::record(tx, EventKind::Members, parts);
}
