//! Labels of organizations.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::chat_labels;
use super::connection::{Connection, StoreResult};
use super::org_rows::{org_rows, page_after};
use super::schema::labels;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{LabelId, OrgId};
use switchboard_core::instant::Instant;

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
    tx: &mut Transaction<'_>,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<LabelId>> {
    Ok(find_or_create_by_key(tx, org, names)?.into_iter().map(|(_, id)| id).collect())
}

/// [`find_or_create`], returning each label's key with its id.
pub fn find_or_create_by_key(
    tx: &mut Transaction<'_>,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<(String, LabelId)>> {
    let found = find(tx, org, names)?;
    if found.len() == names.len() {
        return Ok(found);
    }
    tx.added(Quota::Labels);
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
        .execute(&mut **tx)?;
    // Not RETURNING: a label that a concurrent call created keeps that call's spelling and id.
    find(tx, org, names)
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
    tx: &mut Transaction<'_>,
    org: OrgId,
    label: &LabelName,
    color: Option<&str>,
) -> StoreResult<Option<LabelRow>> {
    tx.added(Quota::Labels);
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
        .get_result(&mut **tx)
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

/// Updates a label that [`lock`] has locked, and the chats that have it; `None` when another label has the name.
/// `changes` must not be empty.
pub fn update(
    tx: &mut Transaction<'_>,
    label: &LabelRow,
    changes: &LabelChanges,
) -> StoreResult<Option<LabelRow>> {
    if let Some(new) = changes.name.as_ref().filter(|new| new.name != label.name) {
        chat_labels::rename_everywhere(tx, &label.label_id, &label.name, &new.name)?;
    }
    let set = (
        changes.name.as_ref().map(|new| (labels::name.eq(&new.name), labels::label_key.eq(&new.key))),
        changes.color.as_ref().map(|color| labels::color.eq(color)),
    );
    let update = diesel::update(org_rows!(labels, tx.org(), label_id = &label.label_id)).set(set);
    match update.returning(LabelRow::as_returning()).get_result(&mut **tx) {
        Ok(label) => Ok(Some(label)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a label that [`lock`] has locked, also from every chat that has it.
pub fn delete(tx: &mut Transaction<'_>, label: &LabelRow) -> StoreResult<()> {
    chat_labels::remove_everywhere(tx, &label.label_id, &label.name)?;
    diesel::delete(org_rows!(labels, tx.org(), label_id = &label.label_id)).execute(&mut **tx)?;
    Ok(())
}
