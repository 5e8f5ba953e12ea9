//! Defining the custom properties that an organization's chats may have, changing and deleting them.

mod kind;

pub use kind::PropertyKind;

use std::collections::HashSet;

use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, PropertyId};
use crate::patch::Patch;
pub use crate::store::properties::PropertyRow;
use crate::store::properties::{self, Insertion, NewPropertyRow, PropertyChanges};
use crate::store::{Connection, Store, StoreResult, chat_properties};

use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use super::{Precondition, name, orgs};

const MAX_OPTIONS: usize = 1000;

/// A property to define.
#[derive(Clone, Debug)]
pub struct NewProperty {
    /// The property's id; `None` for a new one.
    pub id: Option<PropertyId>,
    /// The name, unique in the organization, compared exactly.
    pub name: String,
    /// What values it may have.
    pub kind: PropertyKind,
    /// What a dropdown or picklist may hold, in this order; none for the other kinds.
    pub options: Vec<String>,
}

/// What changes of a property.
#[derive(Clone, Debug, Default)]
pub struct PropertyChange {
    /// The name; it cannot be cleared.
    pub name: Patch<String>,
    /// What a dropdown or picklist may hold from now on.
    pub options: Patch<Vec<String>>,
}

/// Defines a property.
///
/// # Errors
///
/// When the name or the id is taken, when the options do not fit the kind, when the organization does not exist.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewProperty,
    once: IdempotentWrite<PropertyRow, R>,
) -> Result<R> {
    let row = checked_new(new)?;
    let write = move |connection: &mut _| {
        if !crate::store::orgs::exists(connection, org)? {
            return Err(orgs::not_found().into());
        }
        match properties::insert(connection, org, &row)? {
            Insertion::Inserted(property) => Ok(property),
            Insertion::NameTaken => Err(name_taken().into()),
            Insertion::IdTaken => Err(id_taken().into()),
        }
    };
    once.write(store, org, write).await
}

/// A property to define, if its name is one and its options fit its kind.
pub(super) fn checked_new(new: NewProperty) -> Result<NewPropertyRow> {
    Ok(NewPropertyRow {
        property_id: new.id.unwrap_or_else(PropertyId::generate),
        name: checked_name(&new.name)?,
        kind: new.kind.as_str(),
        options: fitting(new.kind, checked_options(&new.options)?)?,
    })
}

/// The organization's properties, by name.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<PropertyRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| properties::list(connection, org)).await
}

/// A page of the organization's properties, by name.
pub async fn page(
    store: &Store,
    cursors: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<PropertyRow>> {
    let (size, scope) = (page::size(limit), Scope::of("properties"));
    let after: String = page::after(cursor, (cursors, org, &scope))?;
    let rows = store.read(move |connection| properties::page(connection, org, &after, size + 1)).await?;
    page::cut(rows, size, |row| row.name.clone(), (cursors, org, &scope))
}

/// Changes the property and answers it. Values that use an option which is left out go from every chat. A change of
/// nothing is no error.
///
/// # Errors
///
/// When the name is taken, when the options do not fit the kind.
pub async fn update<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: PropertyId,
    change: PropertyChange,
    precondition: Precondition<PropertyRow>,
    once: IdempotentWrite<PropertyRow, R>,
) -> Result<R> {
    let name = match change.name {
        Patch::Keep => None,
        Patch::Clear => Some(checked_name("")?),
        Patch::Set(name) => Some(checked_name(&name)?),
    };
    let options = match change.options {
        Patch::Keep => None,
        Patch::Clear => Some(Vec::new()),
        Patch::Set(options) => Some(checked_options(&options)?),
    };
    let write = move |connection: &mut _| {
        let property = properties::lock(connection, org, &id)?.ok_or_else(not_found)?;
        let kind = property.kind.parse()?;
        let options = options.clone().map(|options| fitting(kind, options)).transpose()?;
        // Only of a good request: whether the options fit is about the kind, which no other version has differently.
        precondition.check(&property)?;
        if let Some(options) = &options {
            drop_unlisted(connection, org, &property, kind, options)?;
        }
        let changes = PropertyChanges { name: name.clone(), options };
        if changes.name.is_none() && changes.options.is_none() {
            return Ok(property);
        }
        Ok(properties::update(connection, org, &id, &changes)?.ok_or_else(name_taken)?)
    };
    once.write(store, org, write).await
}

/// Deletes the property with its values on all chats.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: PropertyId,
    precondition: Precondition<PropertyRow>,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |connection: &mut _| {
        let property = properties::lock(connection, org, &id)?.ok_or_else(not_found)?;
        precondition.check(&property)?;
        chat_properties::touch_chats(connection, org, &id)?;
        properties::delete(connection, org, &id)
    };
    once.write(store, org, write).await
}

/// Removes what uses an option that is not among the new ones.
fn drop_unlisted(
    connection: &mut Connection,
    org: OrgId,
    property: &PropertyRow,
    kind: PropertyKind,
    options: &[String],
) -> StoreResult<()> {
    let removed: Vec<_> =
        property.options.iter().filter(|option| !options.contains(option)).cloned().collect();
    match kind {
        _ if removed.is_empty() => Ok(()),
        PropertyKind::Dropdown => {
            chat_properties::delete_option_values(connection, org, &property.property_id, &removed)
        }
        PropertyKind::Picklist => {
            chat_properties::remove_picklist_options(connection, org, &property.property_id, &removed)
        }
        PropertyKind::Text | PropertyKind::Date => Ok(()),
    }
}

fn name_taken() -> Error {
    Error::new(Kind::Conflict, "the organization has a property with this name already")
}

fn id_taken() -> Error {
    Error::new(Kind::Conflict, "the organization has a property with this id already")
}

fn not_found() -> Error {
    Error::not_found("property not found")
}

/// Callers name a property by id or by name: a name must not look like an id.
fn checked_name(name: &str) -> Result<String> {
    let name = name::checked("name", name)?;
    match name.parse::<PropertyId>() {
        Ok(_) => Err(Error::invalid("name", "must not look like a property id")),
        Err(_) => Ok(name),
    }
}

/// The options, if there is any for a kind that has options and none for one that has not. What is picked may be given as
/// one text with commas between the options, so a picklist's hold none.
fn fitting(kind: PropertyKind, options: Vec<String>) -> Result<Vec<String>> {
    if kind.has_options() == options.is_empty() {
        let expected = if kind.has_options() { "must be given" } else { "must not be given" };
        return Err(Error::invalid("options", format!("{expected} for a {kind} property")));
    }
    if kind == PropertyKind::Picklist
        && let Some(place) = options.iter().position(|option| option.contains(','))
    {
        return Err(Error::invalid(item(place), "must not hold a comma, for a picklist property"));
    }
    Ok(options)
}

fn checked_options(options: &[String]) -> Result<Vec<String>> {
    if options.len() > MAX_OPTIONS {
        return Err(Error::invalid("options", format!("must be at most {MAX_OPTIONS}")));
    }
    let checked = options.iter().enumerate().map(|(place, option)| name::checked(&item(place), option));
    let options: Vec<_> = checked.collect::<Result<_>>()?;
    let mut seen = HashSet::new();
    match options.iter().position(|option| !seen.insert(option.as_str())) {
        Some(place) => Err(Error::invalid(item(place), "must not be an option that is there already")),
        None => Ok(options),
    }
}

/// The field that one of the options is.
fn item(place: usize) -> String {
    format!("options[{place}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kind: PropertyKind, options: &[&str]) -> Result<Vec<String>> {
        fitting(kind, checked_options(&options.iter().map(ToString::to_string).collect::<Vec<_>>())?)
    }

    #[test]
    fn only_dropdowns_and_picklists_have_options() {
        for kind in PropertyKind::ALL {
            assert_eq!(options(kind, &["red"]).is_ok(), kind.has_options(), "{kind}");
            assert_eq!(options(kind, &[]).is_ok(), !kind.has_options(), "{kind}");
        }
    }

    #[test]
    fn options_keep_their_order_and_are_all_different() {
        assert_eq!(options(PropertyKind::Picklist, &["red ", "blue"]).unwrap(), ["red", "blue"]);
        for bad in [["red", "red"], ["red", " red"], ["red", ""], ["red", "b\tlue"]] {
            assert!(options(PropertyKind::Dropdown, &bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_option_is_told_with_its_place() {
        for (kind, bad, told) in [
            (
                PropertyKind::Picklist,
                ["red", "a,b"],
                "options[1] must not hold a comma, for a picklist property",
            ),
            (
                PropertyKind::Dropdown,
                ["red", " red"],
                "options[1] must not be an option that is there already",
            ),
        ] {
            assert_eq!(options(kind, &bad).unwrap_err().message(), told);
        }
        assert!(options(PropertyKind::Dropdown, &["a,b"]).is_ok(), "a dropdown's value is one option, whole");
    }

    #[test]
    fn a_name_cannot_be_taken_for_an_id() {
        assert!(checked_name("property-abcdefghijklmnop").is_err());
        assert!(checked_name("property-abc").is_ok());
    }
}
