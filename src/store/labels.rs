//! An organization's labels, and which chats have them.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::schema::{chat_labels, labels};
use super::touch::touch_chats;
use super::{Connection, StoreResult};
use crate::ids::{LabelId, OrgId};
use crate::instant::Instant;

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = labels, check_for_backend(diesel::pg::Pg))]
pub struct LabelRow {
    /// The label.
    pub label_id: LabelId,
    /// The name.
    pub name: String,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// When it was created.
    pub created_at: Instant,
}

/// What changes of a label: what is not `None`.
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
    /// The form it is compared in.
    pub key: String,
    /// The spelling.
    pub name: String,
}

/// The labels of those names; those that do not exist are created. The names come sorted by key, each key once: two
/// calls that create the same labels then wait for each other in the same order.
pub fn find_or_create(
    connection: &mut Connection,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<LabelId>> {
    Ok(find_or_create_by_key(connection, org, names)?.into_iter().map(|(_, id)| id).collect())
}

/// The same, each behind its key.
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
    // Read again instead of RETURNING: a label that another call created meanwhile keeps that call's spelling and id.
    find(connection, org, names)
}

fn find(connection: &mut Connection, org: OrgId, names: &[LabelName]) -> StoreResult<Vec<(String, LabelId)>> {
    Ok(labels::table
        .filter(labels::org_id.eq(org))
        .filter(labels::label_key.eq_any(names.iter().map(|label| &label.key)))
        .select((labels::label_key, labels::label_id))
        .load(connection)?)
}

/// The label with that id or that name in the form it is compared in.
pub fn id_of(connection: &mut Connection, org: OrgId, id: &str, key: &str) -> StoreResult<Option<LabelId>> {
    Ok(labels::table
        .filter(labels::org_id.eq(org))
        .filter(labels::label_id.eq(id).or(labels::label_key.eq(key)))
        // An id wins over a name that looks like one.
        .order(labels::label_id.ne(id))
        .select(labels::label_id)
        .first(connection)
        .optional()?)
}

/// Inserts a label; `None` when there is one with that key.
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

/// At most that many of the organization's labels, by key: those after that one.
pub fn page(connection: &mut Connection, org: OrgId, after: &str, limit: i64) -> StoreResult<Vec<LabelRow>> {
    Ok(labels::table
        .filter(labels::org_id.eq(org))
        .filter(labels::label_key.gt(after))
        .order(labels::label_key)
        .limit(limit)
        .select(LabelRow::as_select())
        .load(connection)?)
}

/// The label, locked until the transaction ends: no chat gets it meanwhile.
pub fn lock(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<Option<LabelRow>> {
    Ok(labels::table
        .filter(labels::org_id.eq(org))
        .filter(labels::label_id.eq(id))
        .select(LabelRow::as_select())
        .for_update()
        .first(connection)
        .optional()?)
}

/// Changes the label, which is there; `None` when another one has the name. At least one thing changes.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &LabelId,
    changes: &LabelChanges,
) -> StoreResult<Option<LabelRow>> {
    let label = labels::table.filter(labels::org_id.eq(org)).filter(labels::label_id.eq(id));
    let set = (
        changes.name.as_ref().map(|new| (labels::name.eq(&new.name), labels::label_key.eq(&new.key))),
        changes.color.as_ref().map(|color| labels::color.eq(color)),
    );
    match diesel::update(label).set(set).returning(LabelRow::as_returning()).get_result(connection) {
        Ok(label) => Ok(Some(label)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Says of every chat that has the label that it changed now.
pub fn touch_chats(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<()> {
    let labelled = chat_labels::table
        .filter(chat_labels::org_id.eq(org))
        .filter(chat_labels::label_id.eq(id))
        .select(chat_labels::chat_key);
    touch_chats!(connection, org, labelled)?;
    Ok(())
}

/// Deletes the label, from every chat that has it.
pub fn delete(connection: &mut Connection, org: OrgId, id: &LabelId) -> StoreResult<()> {
    let label = labels::table.filter(labels::org_id.eq(org)).filter(labels::label_id.eq(id));
    // Cascades to chat_labels.
    diesel::delete(label).execute(connection)?;
    Ok(())
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
