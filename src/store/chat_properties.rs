//! The values chats have for the organization's custom properties.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value;

use super::schema::{chat_properties, properties};
use super::{Connection, StoreResult};
use crate::ids::{OrgId, PropertyId};

/// A custom property as the organization defined it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = properties, check_for_backend(Pg))]
pub struct Property {
    /// Its id.
    pub property_id: PropertyId,
    /// Its name, compared exactly.
    pub name: String,
    /// `text`, `date`, `dropdown` or `picklist`.
    pub kind: String,
    /// What a dropdown or picklist may hold.
    pub options: Vec<String>,
}

/// The properties that one of the texts is the id or the name of.
pub fn definitions(
    connection: &mut Connection,
    org: OrgId,
    ids_or_names: &[&str],
) -> StoreResult<Vec<Property>> {
    let is_named = properties::property_id.eq_any(ids_or_names).or(properties::name.eq_any(ids_or_names));
    Ok(properties::table
        .filter(properties::org_id.eq(org).and(is_named))
        .select(Property::as_select())
        .load(connection)?)
}

/// Stores values. Says whether that changed anything.
pub fn set(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    values: &[(PropertyId, Value)],
) -> StoreResult<bool> {
    if values.is_empty() {
        return Ok(false);
    }
    let rows: Vec<_> = values
        .iter()
        .map(|(property_id, value)| {
            (
                chat_properties::org_id.eq(org),
                chat_properties::chat_key.eq(chat_key),
                chat_properties::property_id.eq(property_id),
                chat_properties::value.eq(value),
            )
        })
        .collect();
    let upsert = diesel::insert_into(chat_properties::table)
        .values(rows)
        .on_conflict((chat_properties::org_id, chat_properties::chat_key, chat_properties::property_id))
        .do_update()
        .set(chat_properties::value.eq(excluded(chat_properties::value)));
    let differs = chat_properties::value.ne(excluded(chat_properties::value));
    // The prelude's `filter` is for queries alone.
    let upsert = diesel::query_dsl::methods::FilterDsl::filter(upsert, differs);
    Ok(upsert.execute(connection)? > 0)
}

/// Removes values. Says whether there were any.
pub fn remove(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    property_ids: &[PropertyId],
) -> StoreResult<bool> {
    if property_ids.is_empty() {
        return Ok(false);
    }
    let removed = chat_properties::table
        .filter(chat_properties::org_id.eq(org))
        .filter(chat_properties::chat_key.eq(chat_key))
        .filter(chat_properties::property_id.eq_any(property_ids));
    Ok(diesel::delete(removed).execute(connection)? > 0)
}
