//! The values chats have for the organization's custom properties.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value;

use super::schema::{chat_properties, properties};
use super::touch::touch_chats;
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

/// The properties that one of the texts is the id or the name of. They stay as they are until the transaction ends, so
/// that a value which their options allow is still allowed when it is stored.
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

/// What all chats have for the property.
#[diesel::dsl::auto_type]
fn values<'a>(org: OrgId, property_id: &'a PropertyId) -> _ {
    chat_properties::table
        .filter(chat_properties::org_id.eq(org))
        .filter(chat_properties::property_id.eq(property_id))
}

/// Says of every chat with a value for the property that it changed now.
pub fn touch_chats(connection: &mut Connection, org: OrgId, property_id: &PropertyId) -> StoreResult<()> {
    touch_chats!(connection, org, values(org, property_id).select(chat_properties::chat_key))?;
    Ok(())
}

/// Removes from every chat the value of a dropdown that is one of these options.
pub fn drop_values(
    connection: &mut Connection,
    org: OrgId,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let options: Vec<Value> = options.iter().map(|option| Value::from(option.as_str())).collect();
    let dropped = || values(org, property_id).filter(chat_properties::value.eq_any(options.clone()));
    touch_chats!(connection, org, dropped().select(chat_properties::chat_key))?;
    diesel::delete(dropped()).execute(connection)?;
    Ok(())
}

/// Takes these options out of every chat's picklist. A list that becomes empty goes.
pub fn unpick(
    connection: &mut Connection,
    org: OrgId,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let options = options.to_vec();
    let picked = || values(org, property_id).filter(chat_properties::value.has_any_key(options.clone()));
    let rest = || chat_properties::value.remove(options.clone());
    touch_chats!(connection, org, picked().select(chat_properties::chat_key))?;
    diesel::delete(picked().filter(rest().eq(Value::Array(Vec::new())))).execute(connection)?;
    diesel::update(picked()).set(chat_properties::value.eq(rest())).execute(connection)?;
    Ok(())
}
