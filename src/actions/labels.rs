//! The organization's labels, and the validation of label names.

use std::collections::BTreeMap;

use super::Precondition;
use super::idempotency::IdempotentWrite;
use super::page::{CursorList, Page};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{LabelId, OrgId};
use crate::patch::Patch;
pub use crate::store::labels::LabelRow;
use crate::store::labels::{self, LabelChanges, LabelName};
use crate::store::{Connection, Store, StoreResult, Transaction};
use crate::text_key::text_key;

const FIELD: &str = "labels";
/// The most labels of a chat.
const MAX_LABELS: usize = 100;
const MAX_CHARACTERS: usize = 100;

/// A label to create.
#[derive(Clone, Debug)]
pub struct NewLabel {
    /// The name; names that differ only in case are equal.
    pub name: String,
    /// `#RRGGBB`.
    pub color: Option<String>,
}

/// A change of a label.
#[derive(Clone, Debug, Default)]
pub struct LabelChange {
    /// The name; it cannot be cleared.
    pub name: Patch<String>,
    /// `#RRGGBB`.
    pub color: Patch<String>,
}

/// Creates a label.
///
/// # Errors
///
/// When the name or the color is invalid, or a label with this name exists.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewLabel,
    idempotent: IdempotentWrite<LabelRow, R>,
) -> Result<R> {
    let (name, color) = checked_new(&new.name, new.color)?;
    let write = move |tx: &mut Transaction<'_>| {
        Ok(labels::insert(tx, org, &name, color.as_deref())?.ok_or_else(name_taken)?)
    };
    idempotent.write(store, org, write).await
}

/// The valid name and color of a new label.
pub(super) fn checked_new(name: &str, color: Option<String>) -> Result<(LabelName, Option<String>)> {
    Ok((checked_name(name)?, color.map(checked_color).transpose()?))
}

/// A page of the organization's labels, by name.
pub async fn page(
    store: &Store,
    keys: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<LabelRow>> {
    let list = CursorList { store, keys, org, scope: Scope::of("labels") };
    let read = move |connection: &mut Connection, after: Option<String>, limit| {
        labels::page(connection, org, &after.unwrap_or_default(), limit)
    };
    list.page(limit, cursor, |row: &LabelRow| text_key(&row.name), read).await
}

/// Changes the label on all chats, and returns it. An empty change succeeds.
///
/// # Errors
///
/// When the name or the color is invalid, or another label has this name.
pub async fn update<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: LabelId,
    change: LabelChange,
    precondition: Precondition<LabelRow>,
    idempotent: IdempotentWrite<LabelRow, R>,
) -> Result<R> {
    let name = change.name.or_default().map(|name| checked_name(&name)).transpose()?;
    let changes = LabelChanges { name, color: change.color.try_map(checked_color)?.into_changeset() };
    let write = move |tx: &mut Transaction<'_>| {
        let label = lock(tx, org, &id, &precondition)?;
        if changes.name.is_none() && changes.color.is_none() {
            return Ok(label);
        }
        Ok(labels::update(tx, &label, &changes)?.ok_or_else(name_taken)?)
    };
    idempotent.write(store, org, write).await
}

/// Deletes the label, and removes it from every chat.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: LabelId,
    precondition: Precondition<LabelRow>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |tx: &mut Transaction<'_>| {
        let label = lock(tx, org, &id, &precondition)?;
        labels::delete(tx, &label)
    };
    idempotent.write(store, org, write).await
}

/// Locks the label, and checks the precondition.
fn lock(
    connection: &mut Connection,
    org: OrgId,
    id: &LabelId,
    precondition: &Precondition<LabelRow>,
) -> StoreResult<LabelRow> {
    let label = labels::lock(connection, org, id)?.ok_or_else(|| Error::not_found("label not found"))?;
    precondition.check(&label)?;
    Ok(label)
}

/// The ids of the labels with these names. Missing labels are created.
pub(super) fn find_or_create(
    tx: &mut Transaction<'_>,
    org: OrgId,
    names: &[LabelName],
) -> StoreResult<Vec<LabelId>> {
    if names.is_empty() { Ok(Vec::new()) } else { labels::find_or_create(tx, org, names) }
}

fn name_taken() -> Error {
    Error::new(Kind::Conflict, "the organization has a label with this name already")
}

/// A valid name of one label. A comma would separate the names of a list.
pub fn checked_name(name: &str) -> Result<LabelName> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::invalid("name", "must not be empty"));
    }
    if name.contains(',') {
        return Err(Error::invalid("name", "must not contain a comma"));
    }
    check_name("name", name)?;
    Ok(LabelName { key: text_key(name), name: name.to_owned() })
}

fn check_name(field: &str, name: &str) -> Result<()> {
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not contain control characters"));
    }
    if name.chars().count() > MAX_CHARACTERS {
        let each = if field == FIELD { " each" } else { "" };
        return Err(Error::invalid(field, format_args!("must be at most {MAX_CHARACTERS} characters{each}")));
    }
    // Filters select a label by id or by name, in any case.
    if text_key(name).parse::<LabelId>().is_ok() {
        return Err(Error::invalid(field, "must not look like a label id"));
    }
    Ok(())
}

/// A valid color, such as `#1FA2B3`.
pub fn checked_color(color: String) -> Result<String> {
    let digits = color.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(color);
    }
    Err(Error::invalid("color", "must be a color such as #1FA2B3"))
}

/// The label names of lists. An element may contain several, separated by commas.
///
/// Names are trimmed, not empty, sorted by key and distinct; the first spelling of a name counts.
pub fn parse(lists: &[String]) -> Result<Vec<LabelName>> {
    let mut names = BTreeMap::new();
    for name in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        check_name(FIELD, name)?;
        names.entry(text_key(name)).or_insert_with(|| name.to_owned());
    }
    check_count(FIELD, names.len())?;
    Ok(names.into_iter().map(|(key, name)| LabelName { key, name }).collect())
}

/// Returns an error about the field if a chat may not have that many labels.
pub(super) fn check_count(field: &str, count: usize) -> Result<()> {
    if count > MAX_LABELS {
        return Err(Error::invalid(field, format_args!("must be at most {MAX_LABELS}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(lists: &[&str]) -> Result<Vec<String>> {
        let lists: Vec<_> = lists.iter().map(|list| (*list).to_owned()).collect();
        parse(&lists).map(|labels| labels.into_iter().map(|label| label.name).collect())
    }

    #[test]
    fn list_is_split_trimmed_and_deduplicated() {
        assert_eq!(names(&[" b ,, A", "a, c,\tÉ ", "e\u{301}"]).unwrap(), ["A", "b", "c", "É"]);
        assert!(names(&["", " , ,"]).unwrap().is_empty());
    }

    #[test]
    fn name_must_have_at_most_100_characters() {
        assert!(names(&[&"é".repeat(100)]).is_ok());
        assert!(names(&[&"e".repeat(101)]).is_err());
    }

    #[test]
    fn length_error_of_a_list_mentions_each_name() {
        let long = "e".repeat(101);
        assert_eq!(checked_name(&long).unwrap_err().message(), "name must be at most 100 characters");
        assert_eq!(names(&[&long]).unwrap_err().message(), "labels must be at most 100 characters each");
    }

    #[test]
    fn chat_must_have_at_most_100_labels() {
        let list =
            |count: usize| (0..count).map(|i| format!("label{i},LABEL{i}")).collect::<Vec<_>>().join(",");
        assert_eq!(names(&[&list(100)]).unwrap().len(), 100);
        assert!(names(&[&list(101)]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(lists: Vec<String>) {
            let Ok(labels) = parse(&lists) else { return Ok(()) };
            let names: Vec<_> = labels.iter().map(|label| label.name.clone()).collect();
            prop_assert_eq!(parse(&names).unwrap(), labels);
        }
    }
}
