//! Statements of ingest for contacts.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Uuid};

use super::bulk::{UpdateRows, array, key_in, texts, unnest};
use crate::ids::{ChatAddress, OrgId};
use crate::store::connection::{Connection, StoreResult};
use crate::store::schema::contacts;

/// A contact's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Contact {
    /// The address.
    pub id: ChatAddress,
    /// The contact's name.
    pub name: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
    /// URL of the picture.
    pub image: Option<String>,
    /// Whether the contact belongs to the organization.
    pub is_internal: bool,
}

/// Creates missing contacts. The ids must be in ascending order.
pub fn create_contacts(connection: &mut Connection, org: OrgId, ids: &[&ChatAddress]) -> StoreResult<()> {
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    diesel::select((org.into_sql::<Uuid>(), unnest(texts(ids))))
        .insert_into(contacts::table)
        .into_columns((contacts::org_id, contacts::contact_id))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// Locks and returns these contacts.
pub fn lock_contacts(
    connection: &mut Connection,
    org: OrgId,
    ids: &[&ChatAddress],
) -> StoreResult<Vec<Contact>> {
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    Ok(contacts::table
        .filter(key_in((contacts::org_id, contacts::contact_id), org, texts(ids)))
        .select((
            contacts::contact_id,
            contacts::name,
            contacts::color,
            contacts::image,
            contacts::is_internal,
        ))
        .order(contacts::contact_id)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates these contacts, which exist.
pub fn update_contacts(connection: &mut Connection, org: OrgId, rows: &[Contact]) -> StoreResult<()> {
    let optional = |field: fn(&Contact) -> Option<&str>| -> Vec<Option<&str>> {
        rows.iter().map(|row| field(row)).collect()
    };
    let statement = UpdateRows {
        table: "contacts",
        keys: &["contact_id"],
        columns: &["name", "color", "image", "is_internal"],
        org,
        arrays: (
            texts(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>()),
            array::<Nullable<Text>, _>(optional(|row| row.name.as_deref())),
            array::<Nullable<Text>, _>(optional(|row| row.color.as_deref())),
            array::<Nullable<Text>, _>(optional(|row| row.image.as_deref())),
            array::<Bool, _>(rows.iter().map(|row| row.is_internal).collect::<Vec<_>>()),
        ),
    };
    statement.execute(connection)?;
    Ok(())
}
