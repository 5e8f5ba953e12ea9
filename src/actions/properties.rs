//! The definitions of an organization's custom properties.

mod kind;

pub use self::kind::PropertyKind;

use std::collections::HashSet;

use super::idempotency::IdempotentWrite;
use super::page::{CursorList, Page};
use super::{Precondition, name, orgs};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, PropertyId};
use crate::patch::Patch;
pub use crate::store::properties::PropertyRow;
use crate::store::properties::{self, Insertion, NewPropertyRow, PropertyChanges};
use crate::store::{Connection, Store, StoreResult, Transaction, chat_properties};

const MAX_OPTIONS: usize = 1000;
/// All options of a property together: every list of properties contains them.
const MAX_OPTION_BYTES: usize = 32 * 1024;

/// A property to create.
#[derive(Clone, Debug)]
pub struct NewProperty {
    /// The property's id; `None` for a random one.
    pub id: Option<PropertyId>,
    /// The name, unique in the organization, case-sensitive.
    pub name: String,
    /// The kind of its values.
    pub kind: PropertyKind,
    /// The options of a dropdown or picklist, in this order; empty for other kinds.
    pub options: Vec<String>,
}

/// A change of a property.
#[derive(Clone, Debug, Default)]
pub struct PropertyChange {
    /// The name; it cannot be cleared.
    pub name: Patch<String>,
    /// All options of a dropdown or picklist.
    pub options: Patch<Vec<String>>,
}

/// Creates a property.
///
/// # Errors
///
/// When the name or the id is taken, the options do not suit the kind, or the organization does not exist.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewProperty,
    idempotent: IdempotentWrite<PropertyRow, R>,
) -> Result<R> {
    let row = checked_new(new)?;
    let write = move |tx: &mut Transaction<'_>| {
        orgs::check_exists(tx, org)?;
        match properties::insert(tx, org, &row)? {
            Insertion::Inserted(property) => Ok(property),
            Insertion::NameTaken => Err(taken("name").into()),
            Insertion::IdTaken => Err(taken("id").into()),
        }
    };
    idempotent.write(store, org, write).await
}

/// A property to create, if its name is valid and its options suit its kind.
pub(super) fn checked_new(new: NewProperty) -> Result<NewPropertyRow> {
    Ok(NewPropertyRow {
        property_id: new.id.unwrap_or_else(PropertyId::generate),
        name: checked_name(&new.name)?,
        kind: new.kind.as_str(),
        options: options_of(new.kind, checked_options(&new.options)?)?,
    })
}

/// All properties of the organization, by name.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<PropertyRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| properties::page(connection, org, "", i64::MAX)).await
}

/// A page of the organization's properties, by name.
pub async fn page(
    store: &Store,
    keys: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<PropertyRow>> {
    let list = CursorList { store, keys, org, scope: Scope::of("properties") };
    let read = move |connection: &mut Connection, after: Option<String>, limit| {
        properties::page(connection, org, &after.unwrap_or_default(), limit)
    };
    let size = |row: &PropertyRow| row.options.iter().map(String::len).sum();
    list.page_by_size(limit, cursor, |row: &PropertyRow| row.name.clone(), size, read).await
}

/// Changes the property, and returns it. An empty change succeeds.
///
/// Removes the options that are left out from the values of all chats.
///
/// # Errors
///
/// When the name is taken, or the options do not suit the kind.
pub async fn update<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: PropertyId,
    change: PropertyChange,
    precondition: Precondition<PropertyRow>,
    idempotent: IdempotentWrite<PropertyRow, R>,
) -> Result<R> {
    let name = change.name.or_default().map(|name| checked_name(&name)).transpose()?;
    let options = change.options.or_default().map(|options| checked_options(&options)).transpose()?;
    let write = move |tx: &mut Transaction<'_>| {
        let property = properties::lock(tx, org, &id)?.ok_or_else(not_found)?;
        let kind = property.kind.parse()?;
        let options = options.clone().map(|options| options_of(kind, options)).transpose()?;
        // After the options, since an invalid request is rejected first. The kind is the same in every version.
        precondition.check(&property)?;
        if let Some(options) = &options {
            remove_unlisted(tx, &property, kind, options)?;
        }
        let changes = PropertyChanges { name: name.clone(), options };
        if changes.name.is_none() && changes.options.is_none() {
            return Ok(property);
        }
        Ok(properties::update(tx, org, &id, &changes)?.ok_or_else(|| taken("name"))?)
    };
    idempotent.write(store, org, write).await
}

/// Deletes the property, and its values on all chats.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: PropertyId,
    precondition: Precondition<PropertyRow>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |tx: &mut Transaction<'_>| {
        let property = properties::lock(tx, org, &id)?.ok_or_else(not_found)?;
        precondition.check(&property)?;
        properties::delete(tx, &id)
    };
    idempotent.write(store, org, write).await
}

/// Removes the options that are not in `options` from the values of all chats.
fn remove_unlisted(
    tx: &mut Transaction<'_>,
    property: &PropertyRow,
    kind: PropertyKind,
    options: &[String],
) -> StoreResult<()> {
    let removed: Vec<_> =
        property.options.iter().filter(|option| !options.contains(option)).cloned().collect();
    match kind {
        _ if removed.is_empty() => Ok(()),
        PropertyKind::Dropdown => chat_properties::delete_option_values(tx, &property.property_id, &removed),
        PropertyKind::Picklist => {
            chat_properties::remove_picklist_options(tx, &property.property_id, &removed)
        }
        PropertyKind::Text | PropertyKind::Date => Ok(()),
    }
}

fn taken(field: &str) -> Error {
    Error::new(Kind::Conflict, format!("the organization has a property with this {field} already"))
}

fn not_found() -> Error {
    Error::not_found("property not found")
}

/// A valid name. Clients refer to a property by id or name, so it is not like an id.
fn checked_name(name: &str) -> Result<String> {
    let name = name::checked("name", name)?;
    match name.parse::<PropertyId>() {
        Ok(_) => Err(Error::invalid("name", "must not look like a property id")),
        Err(_) => Ok(name),
    }
}

/// The options, if they suit the kind.
///
/// An option of a picklist has no comma, because a comma separates the options of a value.
fn options_of(kind: PropertyKind, options: Vec<String>) -> Result<Vec<String>> {
    if kind.has_options() == options.is_empty() {
        let expected = if kind.has_options() { "must be given" } else { "must not be given" };
        return Err(Error::invalid("options", format!("{expected} for a {kind} property")));
    }
    if kind == PropertyKind::Picklist
        && let Some(index) = options.iter().position(|option| option.contains(','))
    {
        return Err(Error::invalid(item(index), "must not contain a comma in a picklist property"));
    }
    Ok(options)
}

fn checked_options(options: &[String]) -> Result<Vec<String>> {
    if options.len() > MAX_OPTIONS {
        return Err(Error::invalid("options", format!("must be at most {MAX_OPTIONS}")));
    }
    if options.iter().map(String::len).sum::<usize>() > MAX_OPTION_BYTES {
        return Err(Error::invalid("options", format!("must be at most {MAX_OPTION_BYTES} bytes together")));
    }
    let checked = options.iter().enumerate().map(|(index, option)| name::checked(&item(index), option));
    let options: Vec<_> = checked.collect::<Result<_>>()?;
    let mut seen = HashSet::new();
    match options.iter().position(|option| !seen.insert(option.as_str())) {
        Some(index) => Err(Error::invalid(item(index), "must not repeat an option")),
        None => Ok(options),
    }
}

/// The field of an option.
fn item(index: usize) -> String {
    format!("options[{index}]")
}
