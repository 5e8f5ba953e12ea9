//! Custom properties of chats, as organizations define them.

use diesel::prelude::*;

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

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// The property is there.
    Done,
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
        .execute(connection)?;
    if inserted == 1 {
        return Ok(Insertion::Done);
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
