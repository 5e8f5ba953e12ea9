//! Values of custom properties.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use serde_json::Value;

use super::connection::{Connection, StoreResult};
use super::org_rows::org_rows;
use super::schema::{chat_properties, properties};
use super::touch::touch_chats;
use crate::ids::{OrgId, PropertyId};

/// The definition of a custom property.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = properties, check_for_backend(Pg))]
#[allow(missing_docs)] // columns of properties, documented in the migrations
pub struct Property {
    pub property_id: PropertyId,
    pub name: String,
    pub kind: String,
    pub options: Vec<String>,
}

/// The properties with these ids or names, locked FOR SHARE: options that allow a value still do when it is stored.
pub fn definitions(
    connection: &mut Connection,
    org: OrgId,
    ids_or_names: &[&str],
) -> StoreResult<Vec<Property>> {
    let is_named = properties::property_id.eq_any(ids_or_names).or(properties::name.eq_any(ids_or_names));
    Ok(properties::table
        .filter(properties::org_id.eq(org).and(is_named))
        .select(Property::as_select())
        .for_share()
        .load(connection)?)
}

/// Stores values. Returns whether that changed anything.
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
    // The prelude's `filter` does not take an upsert.
    Ok(methods::FilterDsl::filter(upsert, differs).execute(connection)? > 0)
}

/// Removes values. Returns whether there were any.
pub fn remove(
    connection: &mut Connection,
    org: OrgId,
    chat_key: i64,
    property_ids: &[PropertyId],
) -> StoreResult<bool> {
    if property_ids.is_empty() {
        return Ok(false);
    }
    let removed = org_rows!(chat_properties, org, chat_key = chat_key)
        .filter(chat_properties::property_id.eq_any(property_ids));
    Ok(diesel::delete(removed).execute(connection)? > 0)
}

/// Sets `updated_at` of every chat that has a value of the property.
pub fn touch_chats(connection: &mut Connection, org: OrgId, property_id: &PropertyId) -> StoreResult<()> {
    touch_chats!(
        connection,
        org,
        org_rows!(chat_properties, org, property_id = property_id).select(chat_properties::chat_key)
    )?;
    Ok(())
}

/// Deletes the values of a dropdown that are one of these options, and touches their chats.
pub fn delete_option_values(
    connection: &mut Connection,
    org: OrgId,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let options: Vec<Value> = options.iter().map(|option| Value::from(option.as_str())).collect();
    let deleted = || {
        org_rows!(chat_properties, org, property_id = property_id)
            .filter(chat_properties::value.eq_any(options.clone()))
    };
    touch_chats!(connection, org, deleted().select(chat_properties::chat_key))?;
    diesel::delete(deleted()).execute(connection)?;
    Ok(())
}

/// Removes these options from every chat's picklist and touches the chats. A list that becomes empty is deleted.
pub fn remove_picklist_options(
    connection: &mut Connection,
    org: OrgId,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let options = options.to_vec();
    let picked = || {
        org_rows!(chat_properties, org, property_id = property_id)
            .filter(chat_properties::value.has_any_key(options.clone()))
    };
    let rest = || chat_properties::value.remove(options.clone());
    touch_chats!(connection, org, picked().select(chat_properties::chat_key))?;
    diesel::delete(picked().filter(rest().eq(Value::Array(Vec::new())))).execute(connection)?;
    diesel::update(picked()).set(chat_properties::value.eq(rest())).execute(connection)?;
    Ok(())
}
