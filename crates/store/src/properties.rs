//! Definitions of custom properties.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::chat_properties;
use super::connection::{Connection, StoreResult};
use super::org_rows::{org_rows, page_after};
use super::schema::properties;
use super::transaction::Transaction;
use switchboard_core::config::Quota;
use switchboard_core::ids::{OrgId, PropertyId};
use switchboard_core::instant::Instant;

/// A property.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = properties, check_for_backend(diesel::pg::Pg))]
#[allow(missing_docs)] // columns of properties, documented in the migrations
pub struct PropertyRow {
    pub property_id: PropertyId,
    pub name: String,
    pub kind: String,
    pub options: Vec<String>,
    pub created_at: Instant,
}

/// A property to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = properties)]
#[allow(missing_docs)] // columns of properties, documented in the migrations
pub struct NewPropertyRow {
    pub property_id: PropertyId,
    pub name: String,
    pub kind: &'static str,
    pub options: Vec<String>,
}

/// Changes of a property; `None` keeps a column.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = properties)]
pub struct PropertyChanges {
    /// The name.
    pub name: Option<String>,
    /// Allowed values of a dropdown or picklist.
    pub options: Option<Vec<String>>,
}

/// The outcome of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The property was inserted.
    Inserted(PropertyRow),
    /// The organization already has a property with that name.
    NameTaken,
    /// The organization already has a property with that id.
    IdTaken,
}

/// Inserts a property.
pub fn insert(tx: &mut Transaction<'_>, org: OrgId, row: &NewPropertyRow) -> StoreResult<Insertion> {
    tx.added(Quota::Properties);
    let connection: &mut Connection = tx;
    let inserted = diesel::insert_into(properties::table)
        .values((properties::org_id.eq(org), row))
        .on_conflict_do_nothing()
        .returning(PropertyRow::as_returning())
        .get_result(connection)
        .optional()?;
    if let Some(property) = inserted {
        return Ok(Insertion::Inserted(property));
    }
    let name_taken = select(exists(org_rows!(properties, org, name = &row.name))).get_result(connection)?;
    Ok(if name_taken { Insertion::NameTaken } else { Insertion::IdTaken })
}

/// Up to `limit` properties, ordered by name, after the name `after`.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    after: &str,
    limit: i64,
) -> StoreResult<Vec<PropertyRow>> {
    let page = page_after!(properties, org, name, after, limit).select(PropertyRow::as_select());
    Ok(page.load(connection)?)
}

/// Locks the property FOR UPDATE, so that no chat is given a value of it until the transaction ends.
pub fn lock(connection: &mut Connection, org: OrgId, id: &PropertyId) -> StoreResult<Option<PropertyRow>> {
    let found = org_rows!(properties, org, property_id = id).select(PropertyRow::as_select());
    Ok(found.for_update().first(connection).optional()?)
}

/// Updates an existing property; `None` when another one has the name. `changes` must not be empty.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &PropertyId,
    changes: &PropertyChanges,
) -> StoreResult<Option<PropertyRow>> {
    let update = diesel::update(org_rows!(properties, org, property_id = id)).set(changes);
    match update.returning(PropertyRow::as_returning()).get_result(connection) {
        Ok(property) => Ok(Some(property)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a property that [`lock`] has locked, with its values.
pub fn delete(tx: &mut Transaction<'_>, id: &PropertyId) -> StoreResult<()> {
    chat_properties::remove_everywhere(tx, id)?;
    diesel::delete(org_rows!(properties, tx.org(), property_id = id)).execute(&mut **tx)?;
    Ok(())
}
