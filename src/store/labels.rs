//! Labels of organizations, and the labels of chats.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::{Connection, StoreResult};
use super::org_rows::{org_rows, page_after};
use super::schema::{chat_labels, labels};
use super::touch::touch_chats;
use crate::ids::{LabelId, OrgId};
use crate::instant::Instant;

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = labels, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of labels, documented in the migrations
pub struct LabelRow {
    pub label_id: LabelId,
    pub name: String,
    pub color: Option<String>,
    pub created_at: Instant,
}

/// Changes of a label; `None` keeps a column.
#[derive(Clone, Debug)]
pub struct LabelChanges {
    /// The name.
    pub name: Option<LabelName>,
    /// `#RRGGBB`; `Some(None)` removes it.
    pub color: Option<Option<String>>,
}

/// A label's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName {
    /// The normalized name, which identifies the label.
    pub key: String,
    /// The name as given.
    pub name: String,
}

/// The ids of the labels with these names; missing labels are created. `names` must be sorted by key without
/// duplicates, so that two transactions that create the same labels wait for each other in the same order.
pub fn find_or_create(
    connection: &mut Connection,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<LabelId>> {
    Ok(find_or_create_by_key(connection, org, names)?.into_iter().map(|(_, id)| id).collect())
}

/// [`find_or_create`], returning each label's key with its id.
pub fn find_or_create_by_key(
    connection: &mut Connection,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<(String, LabelId)>> {
    let found = find(connection, org, names)?;
    if found.len() == names.len() {
        return Ok(found);
    }
    let missing = names.iter().filter(|label| found.iter().all(|(key, _)| *key != label.key));
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
    // Not RETURNING: a label that a concurrent call created keeps that call's spelling and id.
    find(connection, org, names)
}

fn find(connection: &mut Connection, org: OrgId, names: &[LabelName]) -> StoreResult<Vec<(String, LabelId)>> {
    Ok(org_rows!(labels, org)
        .filter(labels::label_key.eq_any(names.iter().map(|label| &label.key)))
        .select((labels::label_key, labels::label_id))
        .load(connection)?)
}

/// The label with that id or that key; the id takes precedence.
pub fn id_of(connection: &mut Connection, org: OrgId, id: &str, key: &str) -> StoreResult<Option<LabelId>> {
    Ok(org_rows!(labels, org)
        .filter(labels::label_id.eq(id).or(labels::label_key.eq(key)))
        .order(labels::label_id.ne(id))
        .select(labels::label_id)
        .first(connection)
        .optional()?)
}

/// Inserts a label; `None` when the key exists.
pub fn insert(
    connection: &mut Connection,
    org: OrgId,
    label: &LabelName,
    color: Option<&str>,
) -> StoreResult<Option<LabelRow>> {
    let values = (
        labels::org_id.eq(org),
        labels::label_id.eq(LabelId::generate()),
        labels::name.eq(&label.name),
        labels::label_key.eq(&label.key),
        labels::color.eq(color),
    );
    Ok(diesel::insert_into(labels::table)
        .values(values)
        .on_conflict((labels::org_id, labels::label_key))
        .do_nothing()
        .returning(LabelRow::as_returning())
        .get_result(connection)
        .optional()?)
}

/// Up to `limit` labels, ordered by key, after the key `after`.
pub fn page(connection: &mut Connection, org: OrgId, after: &str, limit: i64) -> StoreResult<Vec<LabelRow>> {
    let page = page_after!(labels, org, label_key, after, limit).select(LabelRow::as_select());
    Ok(page.load(connection)?)
}

/// Locks the label FOR UPDATE, so that no chat is given it until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<Option<LabelRow>> {
    let found = org_rows!(labels, org, label_id = id).select(LabelRow::as_select());
    Ok(found.for_update().first(connection).optional()?)
}

/// Updates an existing label; `None` when another label has the name. `changes` must not be empty.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &LabelId,
    changes: &LabelChanges,
) -> StoreResult<Option<LabelRow>> {
    let set = (
        changes.name.as_ref().map(|new| (labels::name.eq(&new.name), labels::label_key.eq(&new.key))),
        changes.color.as_ref().map(|color| labels::color.eq(color)),
    );
    let update = diesel::update(org_rows!(labels, org, label_id = id)).set(set);
    match update.returning(LabelRow::as_returning()).get_result(connection) {
        Ok(label) => Ok(Some(label)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sets `updated_at` of every chat that has the label.
pub fn touch_chats(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<()> {
    touch_chats!(connection, org, org_rows!(chat_labels, org, label_id = id).select(chat_labels::chat_key))?;
    Ok(())
}

/// Deletes the label, also from every chat that has it.
pub fn delete(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<()> {
    // Cascades to chat_labels.
    diesel::delete(org_rows!(labels, org, label_id = id)).execute(connection)?;
    Ok(())
}

/// Replaces the chat's labels. Returns whether that changed anything.
pub fn replace(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    label_ids: &[LabelId],
) -> StoreResult<bool> {
    let others =
        org_rows!(chat_labels, org, chat_key = chat_key).filter(chat_labels::label_id.ne_all(label_ids));
    let removed = diesel::delete(others).execute(connection)?;
    if label_ids.is_empty() {
        return Ok(removed > 0);
    }
    let row = |label_id| {
        (chat_labels::org_id.eq(org), chat_labels::chat_key.eq(chat_key), chat_labels::label_id.eq(label_id))
    };
    let rows: Vec<_> = label_ids.iter().map(row).collect();
    let added =
        diesel::insert_into(chat_labels::table).values(rows).on_conflict_do_nothing().execute(connection)?;
    Ok(removed + added > 0)
}
