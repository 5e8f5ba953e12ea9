//! The labels of chats.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::not;
use diesel::prelude::*;
use serde_json::Value;

use super::bulk::{has_key_of, insert_rows};
use super::chat_parts::{self, PartChange};
use super::connection::StoreResult;
use super::events::EventKind;
use super::org_rows::org_rows;
use super::schema::{chat_labels, labels};
use super::touch::touch_chats;
use super::transaction::Transaction;
use switchboard_core::ids::LabelId;

/// Replaces the labels of these chats, whose rows are locked. Returns the chats that changed.
pub fn replace(
    tx: &mut Transaction<'_>,
    chat_keys: &[i64],
    chosen: &[(i64, &LabelId)],
) -> StoreResult<BTreeSet<i64>> {
    let org = tx.org();
    let is_kept =
        has_key_of!(org, chat_labels, chosen, |label| { chat_key: label.0, label_id: label.1.as_str() });
    let others =
        org_rows!(chat_labels, org).filter(chat_labels::chat_key.eq_any(chat_keys)).filter(not(is_kept));
    let removed: Vec<(i64, String)> = diesel::delete(others)
        .returning((chat_labels::chat_key, chat_labels::label_id))
        .get_results(&mut **tx)?;
    let added = add(tx, chosen)?;
    let names = names(tx, removed.iter().chain(&added).map(|(_, id)| id.as_str()).collect())?;
    let name = |id: &String| names.get(id).map_or(Value::Null, |name| name.as_str().into());
    let removed = removed.into_iter().map(|(chat_key, id)| {
        let before = name(&id);
        PartChange { chat_key, id, before, after: Value::Null }
    });
    let mut changed = chat_parts::record(tx, EventKind::Labels, removed);
    let added = added.into_iter().map(|(chat_key, id)| {
        let after = name(&id);
        PartChange { chat_key, id, before: Value::Null, after }
    });
    changed.extend(chat_parts::record(tx, EventKind::Labels, added));
    Ok(changed)
}

/// Adds labels to chats. Returns the rows of those that a chat did not have.
fn add(tx: &mut Transaction<'_>, labels: &[(i64, &LabelId)]) -> StoreResult<Vec<(i64, String)>> {
    if labels.is_empty() {
        return Ok(Vec::new());
    }
    let org = tx.org();
    Ok(insert_rows!(org, chat_labels, labels, |label| { chat_key: label.0, label_id: label.1.as_str() })
        .on_conflict_do_nothing()
        .returning((chat_labels::chat_key, chat_labels::label_id))
        .get_results(&mut **tx)?)
}

/// Records that chats have labels, by id, that they did not have.
pub(super) fn record_added(tx: &mut Transaction<'_>, added: Vec<(i64, String)>) -> StoreResult<()> {
    let names = names(tx, added.iter().map(|(_, id)| id.as_str()).collect())?;
    let added = added.into_iter().map(|(chat_key, id)| {
        let after = names.get(&id).map_or(Value::Null, |name| name.as_str().into());
        PartChange { chat_key, id, before: Value::Null, after }
    });
    chat_parts::record(tx, EventKind::Labels, added);
    Ok(())
}

/// Removes the label, which is locked, from every chat.
pub(super) fn remove_everywhere(tx: &mut Transaction<'_>, label: &LabelId, name: &str) -> StoreResult<()> {
    let org = tx.org();
    let labelled = || org_rows!(chat_labels, org, label_id = label);
    touch_chats!(tx, labelled().select(chat_labels::chat_key))?;
    let removed: Vec<i64> =
        diesel::delete(labelled()).returning(chat_labels::chat_key).get_results(&mut **tx)?;
    record_all(tx, &removed, label, &name.into(), &Value::Null);
    Ok(())
}

/// Records the new name of the label, which is locked, for every chat that has it.
pub(super) fn rename_everywhere(
    tx: &mut Transaction<'_>,
    label: &LabelId,
    name: &str,
    new_name: &str,
) -> StoreResult<()> {
    let labelled = org_rows!(chat_labels, tx.org(), label_id = label).select(chat_labels::chat_key);
    let chats = touch_chats!(tx, labelled)?;
    record_all(tx, &chats, label, &name.into(), &new_name.into());
    Ok(())
}

fn record_all(tx: &mut Transaction<'_>, chats: &[i64], label: &LabelId, before: &Value, after: &Value) {
    let parts = chats.iter().map(|chat_key| PartChange {
        chat_key: *chat_key,
        id: label,
        before: before.clone(),
        after: after.clone(),
    });
    chat_parts::record(tx, EventKind::Labels, parts);
}

fn names(tx: &mut Transaction<'_>, ids: BTreeSet<&str>) -> StoreResult<BTreeMap<String, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String)> = org_rows!(labels, tx.org())
        .filter(labels::label_id.eq_any(ids))
        .select((labels::label_id, labels::name))
        .load(&mut **tx)?;
    Ok(rows.into_iter().collect())
}
