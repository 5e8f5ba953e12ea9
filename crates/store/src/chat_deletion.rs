//! Deletion of chats that no session holds any more.

use std::collections::BTreeMap;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use serde_json::Value;

use super::bulk::has_key_of;
use super::chat_access;
use super::chats::emails;
use super::connection::{Connection, StoreResult};
use super::events::{EventKind, FieldChanges, HELD_BY, NewEvent};
use super::org_rows::same_chat;
use super::schema::{chat_labels, chats, labels, session_chats};
use super::transaction::Transaction;
use switchboard_core::ids::OrgId;

/// A chat to delete.
#[derive(Debug, Queryable)]
struct UnheldChat {
    chat_key: i64,
    chat_id: String,
    assignee: Option<String>,
}

/// Deletes those of these chats that no session holds, with what the organization attached to them. The caller has
/// locked them, and records before what else happened to them: the event of kind `deleted` is a chat's last one.
pub fn delete_unheld(tx: &mut Transaction<'_>, chat_keys: &[i64]) -> StoreResult<()> {
    let org = tx.org();
    let unheld = unheld(tx, org, chat_keys)?;
    if unheld.is_empty() {
        return Ok(());
    }
    let keys: Vec<i64> = unheld.iter().map(|chat| chat.chat_key).collect();
    let mut last_values = last_values(tx, org, unheld)?;
    tx.delete_activity(&keys)?;
    let is_deleted = has_key_of!(org, chats, keys, |key| { chat_key: *key });
    diesel::delete(chats::table).filter(is_deleted).execute(&mut **tx)?;
    for chat_key in keys {
        let mut changes = last_values.remove(&chat_key).unwrap_or_default();
        for (session, claimed_by) in tx.take_last_holders(chat_key) {
            let held = claimed_by.map_or(Value::Bool(true), Value::String);
            changes.set(format!("{HELD_BY}{session}"), held, Value::Null);
        }
        tx.record(NewEvent { chat_key, session: None, kind: EventKind::Deleted, changes, message: None });
    }
    Ok(())
}

fn unheld(connection: &mut Connection, org: OrgId, chat_keys: &[i64]) -> StoreResult<Vec<UnheldChat>> {
    let held = session_chats::table.filter(same_chat!(session_chats, chats));
    Ok(chats::table
        .filter(has_key_of!(org, chats, chat_keys, |key| { chat_key: *key }))
        .filter(not(exists(held)))
        .order(chats::chat_key)
        .select((chats::chat_key, chats::chat_id, chats::assignee))
        .load(connection)?)
}

/// The chats' address, assignee, labels and hidden members, by which subscribers filter and resolve the deletion.
fn last_values(
    connection: &mut Connection,
    org: OrgId,
    chats: Vec<UnheldChat>,
) -> StoreResult<BTreeMap<i64, FieldChanges>> {
    let keys: Vec<i64> = chats.iter().map(|chat| chat.chat_key).collect();
    let assignees: Vec<&str> = chats.iter().filter_map(|chat| chat.assignee.as_deref()).collect();
    let emails = emails(connection, org, &assignees)?;
    let labels = labels(connection, org, &keys)?;
    let hidden = chat_access::hidden(connection, org, &keys)?;
    let mut values: BTreeMap<i64, FieldChanges> = BTreeMap::new();
    let mut set = |chat_key, field: String, value: Value| {
        values.entry(chat_key).or_default().set(field, value, Value::Null);
    };
    for UnheldChat { chat_key, chat_id, assignee } in chats {
        set(chat_key, "chat_id".to_owned(), chat_id.into());
        if let Some(key) = assignee {
            set(chat_key, "assignee".to_owned(), emails.get(&key).cloned().unwrap_or(key).into());
        }
    }
    for (chat_key, id, name) in labels {
        set(chat_key, format!("labels.{id}"), name.into());
    }
    for (chat_key, member_key) in hidden {
        set(chat_key, format!("access.{member_key}"), false.into());
    }
    Ok(values)
}

/// Chat, label id and name of every label of these chats.
fn labels(
    connection: &mut Connection,
    org: OrgId,
    chat_keys: &[i64],
) -> StoreResult<Vec<(i64, String, String)>> {
    let label = labels::org_id.eq(chat_labels::org_id).and(labels::label_id.eq(chat_labels::label_id));
    Ok(chat_labels::table
        .inner_join(labels::table.on(label))
        .filter(has_key_of!(org, chat_labels, chat_keys, |key| { chat_key: *key }))
        .select((chat_labels::chat_key, labels::label_id, labels::name))
        .load(connection)?)
}
