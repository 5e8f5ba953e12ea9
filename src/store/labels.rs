//! An organization's labels, and which chats have them.

use diesel::prelude::*;

use super::schema::{chat_labels, labels};
use super::{Connection, StoreResult};
use crate::ids::{LabelId, OrgId};

/// A label to find or create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName {
    /// The form it is compared in.
    pub key: String,
    /// The spelling it is created with.
    pub name: String,
}

/// The labels of those names; those that do not exist are created. The names come sorted by key, each key once: two
/// calls that create the same labels then wait for each other in the same order.
pub fn find_or_create(
    connection: &mut Connection,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<LabelId>> {
    let found = find(connection, org, names)?;
    if found.len() == names.len() {
        return Ok(found.into_iter().map(|(id, _)| id).collect());
    }
    let missing = names.iter().filter(|label| found.iter().all(|(_, key)| *key != label.key));
    let rows: Vec<_> = missing
        .map(|label| {
            (
                labels::org_id.eq(org),
                labels::label_id.eq(LabelId::generate()),
                labels::name.eq(&label.name),
                labels::label_key.eq(&label.key),
            )
        })
        .collect();
    diesel::insert_into(labels::table)
        .values(rows)
        .on_conflict((labels::org_id, labels::label_key))
        .do_nothing()
        .execute(connection)?;
    // Read again instead of RETURNING: a label that another call created meanwhile keeps that call's spelling and id.
    Ok(find(connection, org, names)?.into_iter().map(|(id, _)| id).collect())
}

fn find(connection: &mut Connection, org: OrgId, names: &[LabelName]) -> StoreResult<Vec<(LabelId, String)>> {
    Ok(labels::table
        .filter(labels::org_id.eq(org))
        .filter(labels::label_key.eq_any(names.iter().map(|label| &label.key)))
        .select((labels::label_id, labels::label_key))
        .load(connection)?)
}

/// Gives the chat these labels and no others. Says whether that changed anything.
pub fn replace(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    label_ids: &[LabelId],
) -> StoreResult<bool> {
    let others = chat_labels::table
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::chat_key.eq(chat_key))
        .filter(chat_labels::label_id.ne_all(label_ids));
    let removed = diesel::delete(others).execute(connection)?;
    if label_ids.is_empty() {
        return Ok(removed > 0);
    }
    let rows: Vec<_> = label_ids
        .iter()
        .map(|label_id| {
            (
                chat_labels::org_id.eq(org),
                chat_labels::chat_key.eq(chat_key),
                chat_labels::label_id.eq(label_id),
            )
        })
        .collect();
    let added =
        diesel::insert_into(chat_labels::table).values(rows).on_conflict_do_nothing().execute(connection)?;
    Ok(removed + added > 0)
}
