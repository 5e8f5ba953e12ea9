//! Custom properties of chats, as organizations define them.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::schema::properties;
use super::{Connection, StoreResult};
use crate::ids::{OrgId, PropertyId};
use crate::instant::Instant;

/// A property.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = properties, check_for_backend(diesel::pg::Pg))]
pub struct PropertyRow {
    /// The property.
    pub property_id: PropertyId,
    /// The name.
    pub name: String,
    /// `text`, `date`, `dropdown` or `picklist`.
    pub kind: String,
    /// What a dropdown or picklist may hold, in the order given.
    pub options: Vec<String>,
    /// When it was defined.
    pub created_at: Instant,
}

/// A property to insert.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = properties)]
pub struct NewPropertyRow {
    /// The property.
    pub property_id: PropertyId,
    /// The name.
    pub name: String,
    /// `text`, `date`, `dropdown` or `picklist`.
    pub kind: &'static str,
    /// What a dropdown or picklist may hold.
    pub options: Vec<String>,
}

/// What changes of a property: what is not `None`.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = properties)]
pub struct PropertyChanges {
    /// The name.
    pub name: Option<String>,
    /// What a dropdown or picklist may hold.
    pub options: Option<Vec<String>>,
}

/// What became of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The property is there.
    Done(PropertyRow),
    /// The organization has a property of that name already.
    NameTaken,
    /// The organization has a property with that id already.
    Taken,
}

/// Inserts a property.
pub fn insert(connection: &mut Connection, org: OrgId, row: &NewPropertyRow) -> StoreResult<Insertion> {
    let inserted = diesel::insert_into(properties::table)
        .values((properties::org_id.eq(org), row))
        .on_conflict_do_nothing()
        .returning(PropertyRow::as_returning())
        .get_result(connection)
        .optional()?;
    if let Some(property) = inserted {
        return Ok(Insertion::Done(property));
    }
    let same_name =
        properties::table.filter(properties::org_id.eq(org)).filter(properties::name.eq(&row.name));
    let name_taken = diesel::select(diesel::dsl::exists(same_name)).get_result(connection)?;
    Ok(if name_taken { Insertion::NameTaken } else { Insertion::Taken })
}

/// The organization's properties, by name.
pub fn list(connection: &mut Connection, org: OrgId) -> StoreResult<Vec<PropertyRow>> {
    Ok(properties::table
        .filter(properties::org_id.eq(org))
        .order(properties::name)
        .select(PropertyRow::as_select())
        .load(connection)?)
}

/// At most that many of the organization's properties, by name: those after that one.
pub fn page(
    connection: &mut Connection,
    org: OrgId,
    after: &str,
    limit: i64,
) -> StoreResult<Vec<PropertyRow>> {
    Ok(properties::table
        .filter(properties::org_id.eq(org))
        .filter(properties::name.gt(after))
        .order(properties::name)
        .limit(limit)
        .select(PropertyRow::as_select())
        .load(connection)?)
}

/// The property, locked until the transaction ends: no chat gets a value for it meanwhile.
pub fn lock(connection: &mut Connection, org: OrgId, id: &PropertyId) -> StoreResult<Option<PropertyRow>> {
    Ok(properties::table
        .filter(properties::org_id.eq(org))
        .filter(properties::property_id.eq(id))
        .select(PropertyRow::as_select())
        .for_update()
        .first(connection)
        .optional()?)
}

/// Changes the property, which is there; `None` when another one has the name. At least one thing changes.
pub fn update(
    connection: &mut Connection,
    org: OrgId,
    id: &PropertyId,
    changes: &PropertyChanges,
) -> StoreResult<Option<PropertyRow>> {
    let property =
        properties::table.filter(properties::org_id.eq(org)).filter(properties::property_id.eq(id));
    match diesel::update(property).set(changes).returning(PropertyRow::as_returning()).get_result(connection)
    {
        Ok(property) => Ok(Some(property)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Deletes the property with its values on all chats.
pub fn delete(connection: &mut Connection, org: OrgId, id: &PropertyId) -> StoreResult<()> {
    let property =
        properties::table.filter(properties::org_id.eq(org)).filter(properties::property_id.eq(id));
    // Cascades to chat_properties.
    diesel::delete(property).execute(connection)?;
    Ok(())
}
