//! Values of custom properties.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::sum;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;

use super::bulk::{has_key_of, insert_rows, replace_columns};
use super::chat_parts::{self, PartChange};
use super::connection::{Connection, StoreResult};
use super::events::EventKind;
use super::org_rows::org_rows;
use super::prepared::prepared;
use super::schema::{chat_properties, properties};
use super::touch::touch_chats;
use super::transaction::Transaction;
use switchboard_core::error::{Error, Kind};
use switchboard_core::ids::{OrgId, PropertyId};

/// The most bytes of all values of a chat together: every list of chats contains them.
const MAX_BYTES: i64 = 256 * 1024;

diesel::define_sql_function! {
    /// The number of bytes of a text.
    fn octet_length(text: Text) -> Integer;
}

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

/// The columns of a [`StoredValue`].
macro_rules! value_columns {
    () => {
        (chat_properties::chat_key, chat_properties::property_id, chat_properties::value)
    };
}

/// Deletes the selected rows and records that. Returns the chats.
macro_rules! remove {
    ($tx:expr, $rows:expr) => {{
        let removed: Vec<StoredValue> =
            diesel::delete($rows).returning(value_columns!()).get_results(&mut **$tx)?;
        let parts = removed.into_iter().map(|row| PartChange {
            chat_key: row.chat_key,
            id: row.property_id,
            before: row.value,
            after: Value::Null,
        });
        StoreResult::Ok(chat_parts::record($tx, EventKind::Properties, parts))
    }};
}

/// A value of a property on a chat.
#[derive(Clone, Debug, PartialEq, Queryable)]
struct StoredValue {
    chat_key: i64,
    property_id: String,
    value: Value,
}

/// Stores values on chats, whose rows are locked. Returns the chats that changed.
pub fn set(tx: &mut Transaction<'_>, values: &[(i64, &str, &Value)]) -> StoreResult<BTreeSet<i64>> {
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let org = tx.org();
    let is_set =
        has_key_of!(org, chat_properties, values, |value| { chat_key: value.0, property_id: value.1 });
    let stored: Vec<StoredValue> =
        chat_properties::table.filter(is_set).select(value_columns!()).load(&mut **tx)?;
    let stored: BTreeMap<_, _> =
        stored.iter().map(|row| ((row.chat_key, row.property_id.as_str()), &row.value)).collect();
    let before = |value: &(i64, &str, &Value)| stored.get(&(value.0, value.1)).copied();
    let changed: Vec<_> = values.iter().filter(|value| before(value) != Some(value.2)).collect();
    if changed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let upsert = insert_rows!(org, chat_properties, changed, |row| {
        chat_key: row.0,
        property_id: row.1,
        value: row.2,
    })
    .on_conflict((chat_properties::org_id, chat_properties::chat_key, chat_properties::property_id))
    .do_update()
    .set(replace_columns!(chat_properties: value));
    prepared(upsert.returning(chat_properties::chat_key)).get_results::<i64>(&mut **tx)?;
    check_sizes(tx, &changed.iter().map(|value| value.0).collect::<BTreeSet<_>>())?;
    let parts = changed.into_iter().map(|value| PartChange {
        chat_key: value.0,
        id: value.1,
        before: before(value).cloned().unwrap_or_default(),
        after: value.2.clone(),
    });
    Ok(chat_parts::record(tx, EventKind::Properties, parts))
}

/// Fails when the values of one of these chats have too many bytes together.
fn check_sizes(tx: &mut Transaction<'_>, chat_keys: &BTreeSet<i64>) -> StoreResult<()> {
    let text = chat_properties::value.retrieve_by_path_as_text(Vec::<String>::new());
    let too_large: Option<i64> = chat_properties::table
        .filter(has_key_of!(tx.org(), chat_properties, chat_keys, |key| { chat_key: *key }))
        .group_by(chat_properties::chat_key)
        .having(sum(octet_length(text)).gt(MAX_BYTES))
        .select(chat_properties::chat_key)
        .first(&mut **tx)
        .optional()?;
    match too_large {
        None => Ok(()),
        Some(_) => {
            let message =
                format!("custom_properties: the values of a chat must have at most {MAX_BYTES} bytes");
            Err(Error::new(Kind::QuotaExceeded, message).into())
        }
    }
}

/// Removes values from chats. Returns the chats that had them.
pub fn remove(tx: &mut Transaction<'_>, values: &[(i64, &str)]) -> StoreResult<BTreeSet<i64>> {
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    let org = tx.org();
    let is_removed =
        has_key_of!(org, chat_properties, values, |value| { chat_key: value.0, property_id: value.1 });
    remove!(tx, chat_properties::table.filter(is_removed))
}

/// Removes all values of the property, which is locked, and touches their chats.
pub(super) fn remove_everywhere(tx: &mut Transaction<'_>, property_id: &PropertyId) -> StoreResult<()> {
    let org = tx.org();
    let values = || org_rows!(chat_properties, org, property_id = property_id);
    touch_chats!(tx, values().select(chat_properties::chat_key))?;
    remove!(tx, values())?;
    Ok(())
}

/// Deletes the values of a dropdown that are one of these options, and touches their chats.
pub fn delete_option_values(
    tx: &mut Transaction<'_>,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let org = tx.org();
    let options: Vec<Value> = options.iter().map(|option| Value::from(option.as_str())).collect();
    let chosen = || {
        org_rows!(chat_properties, org, property_id = property_id)
            .filter(chat_properties::value.eq_any(options.clone()))
    };
    touch_chats!(tx, chosen().select(chat_properties::chat_key))?;
    remove!(tx, chosen())?;
    Ok(())
}

/// Removes these options from every chat's picklist and touches the chats. A list that becomes empty is deleted.
pub fn remove_picklist_options(
    tx: &mut Transaction<'_>,
    property_id: &PropertyId,
    options: &[String],
) -> StoreResult<()> {
    let org = tx.org();
    let picked = || {
        org_rows!(chat_properties, org, property_id = property_id)
            .filter(chat_properties::value.has_any_key(options.to_vec()))
    };
    touch_chats!(tx, picked().select(chat_properties::chat_key))?;
    let lists: Vec<StoredValue> = picked().select(value_columns!()).load(&mut **tx)?;
    let rest = lists.iter().map(|list| (list.chat_key, without(&list.value, options)));
    let (emptied, kept): (Vec<_>, Vec<_>) = rest.partition(|(_, rest)| *rest == Value::Array(Vec::new()));
    let property_id = property_id.to_string();
    remove(tx, &emptied.iter().map(|(key, _)| (*key, property_id.as_str())).collect::<Vec<_>>())?;
    set(tx, &kept.iter().map(|(key, rest)| (*key, property_id.as_str(), rest)).collect::<Vec<_>>())?;
    Ok(())
}

fn without(list: &Value, options: &[String]) -> Value {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_removed = |item: &Value| options.iter().any(|option| item.as_str() == Some(option));
    Value::Array(items.iter().filter(|item| !is_removed(item)).cloned().collect())
}
