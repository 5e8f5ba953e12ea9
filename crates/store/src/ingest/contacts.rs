//! Statements of ingest for contacts.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use super::changed::{Changed, FieldTimes};
use super::looks::{self, Look};
use crate::bulk::{has_key_of, insert_rows, update_rows};
use crate::connection::{Connection, StoreResult};
use crate::events::EventKind;
use crate::json::Json;
use crate::schema::contacts;
use crate::transaction::Transaction;
use switchboard_core::folding::name_key;
use switchboard_core::ids::{ChatAddress, OrgId};

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
    /// When each field was last reported.
    pub field_times: Json<FieldTimes>,
}

impl Contact {
    /// A contact of which nothing is known.
    pub fn unknown(id: ChatAddress) -> Self {
        let field_times = Json(FieldTimes::new());
        Self { id, name: None, color: None, image: None, is_internal: false, field_times }
    }

    fn look(&self) -> Look {
        Look { name: self.name.clone(), image: self.image.clone() }
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
            contacts::field_times,
        ))
        .order(contacts::contact_id)
        .for_no_key_update()
        .load(connection)?)
}

/// Updates these contacts, which exist.
pub fn update_contacts(tx: &mut Transaction<'_>, changed: &[Changed<Contact>]) -> StoreResult<()> {
    let update = update_rows!(tx.org(), contacts, changed, |row| { contact_id: row.after.id.as_str() } set {
        name: row.after.name.as_deref(),
        search_key: row.after.name.as_deref().map(name_key),
        color: row.after.color.as_deref(),
        image: row.after.image.as_deref(),
        is_internal: row.after.is_internal,
        field_times: json!(row.after.field_times.0),
    });
    update.execute(&mut **tx)?;
    record_renamed(tx, changed)
}

/// Records that chats show other names and pictures of their contacts.
fn record_renamed(tx: &mut Transaction<'_>, changed: &[Changed<Contact>]) -> StoreResult<()> {
    let org = tx.org();
    let renamed = changed.iter().filter(|contact| contact.before.look() != contact.after.look());
    let renamed: BTreeMap<&ChatAddress, &Changed<Contact>> =
        renamed.map(|contact| (&contact.after.id, contact)).collect();
    for (chat_key, address, chat) in looks::of_chats(tx, org, &renamed.keys().copied().collect::<Vec<_>>())? {
        if let Some(Changed { before, after }) = renamed.get(&address) {
            let changes = looks::changes((&before.look(), &chat), (&after.look(), &chat));
            tx.record_changes(chat_key, None, EventKind::Details, changes);
        }
    }
    Ok(())
}

/// Deletes these contacts, which are members of no chat.
pub fn remove_contacts(connection: &mut Connection, org: OrgId, ids: &[&ChatAddress]) -> StoreResult<()> {
    let is_removed = has_key_of!(org, contacts, ids, |id| { contact_id: id.as_str() });
    diesel::delete(contacts::table).filter(is_removed).execute(connection)?;
    Ok(())
}
