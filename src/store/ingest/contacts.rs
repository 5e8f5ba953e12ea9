//! Statements of ingest for contacts.

use diesel::prelude::*;

use super::bulk::{has_key_of, insert_rows, update_rows};
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

impl Contact {
    /// A contact of which nothing is known.
    pub fn unknown(id: ChatAddress) -> Self {
        Self { id, name: None, color: None, image: None, is_internal: false }
    }
}

/// Creates missing contacts. The ids must be in ascending order.
pub fn create_contacts(connection: &mut Connection, org: OrgId, ids: &[&ChatAddress]) -> StoreResult<()> {
    insert_rows!(org, contacts, ids, |id| { contact_id: id.as_str() })
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
    Ok(contacts::table
        .filter(has_key_of!(org, contacts, ids, |id| { contact_id: id.as_str() }))
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
    let update = update_rows!(org, contacts, rows, |row| { contact_id: row.id.as_str() } set {
        name: row.name.as_deref(),
        color: row.color.as_deref(),
        image: row.image.as_deref(),
        is_internal: row.is_internal,
    });
    update.execute(connection)?;
    Ok(())
}

/// Deletes these contacts, which are members of no chat.
pub fn remove_contacts(connection: &mut Connection, org: OrgId, ids: &[&ChatAddress]) -> StoreResult<()> {
    let is_removed = has_key_of!(org, contacts, ids, |id| { contact_id: id.as_str() });
    diesel::delete(contacts::table).filter(is_removed).execute(connection)?;
    Ok(())
}
