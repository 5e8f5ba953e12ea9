//! The organization's labels: creating, listing, renaming, recolouring and deleting them, and what a list of their names may be.

use std::collections::BTreeMap;

use super::Precondition;
use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{LabelId, OrgId};
use crate::patch::Patch;
use crate::store::Store;
pub use crate::store::labels::LabelRow;
use crate::store::labels::{self, LabelChanges, LabelName};
use crate::text_key::text_key;

const FIELD: &str = "labels";
const MAX_LABELS: usize = 100;
const MAX_CHARACTERS: usize = 100;

/// A label to create.
#[derive(Clone, Debug)]
pub struct NewLabel {
    /// The name; one that differs in case only is the same.
    pub name: String,
    /// `#RRGGBB`.
    pub color: Option<String>,
}

/// What changes of a label.
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
/// When the name or the colour is not one, when there is a label with that name.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewLabel,
    once: IdempotentWrite<LabelRow, R>,
) -> Result<R> {
    let (name, color) = checked_new(&new.name, new.color)?;
    let write = move |connection: &mut _| {
        Ok(labels::insert(connection, org, &name, color.as_deref())?.ok_or_else(taken)?)
    };
    once.write(store, org, write).await
}

/// The name and the colour, if they are such.
pub(super) fn checked_new(name: &str, color: Option<String>) -> Result<(LabelName, Option<String>)> {
    Ok((named(name)?, color.map(checked_color).transpose()?))
}

/// A page of the organization's labels, by name.
pub async fn page(
    store: &Store,
    cursors: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<LabelRow>> {
    let (size, scope) = (page::size(limit), Scope::of("labels"));
    let after: String = page::after(cursor, (cursors, org, &scope))?;
    let rows = store.read(move |connection| labels::page(connection, org, &after, size + 1)).await?;
    page::cut(rows, size, |row| text_key(&row.name), (cursors, org, &scope))
}

/// Renames or recolours the label, on every chat that has it, and answers it. A change of nothing is no error.
///
/// # Errors
///
/// When the name or the colour is not one, when another label has that name.
pub async fn update<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: LabelId,
    change: LabelChange,
    precondition: Precondition<LabelRow>,
    once: IdempotentWrite<LabelRow, R>,
) -> Result<R> {
    let name = match change.name {
        Patch::Keep => None,
        Patch::Clear => Some(named("")?),
        Patch::Set(name) => Some(named(&name)?),
    };
    let changes = LabelChanges { name, color: change.color.try_map(checked_color)?.into_changeset() };
    let write = move |connection: &mut _| {
        let label = labels::lock(connection, org, &id)?.ok_or_else(not_found)?;
        precondition.check(&label)?;
        if changes.name.is_none() && changes.color.is_none() {
            return Ok(label);
        }
        if changes.name.as_ref().is_some_and(|new| new.name != label.name) {
            labels::touch_chats(connection, org, &id)?;
        }
        Ok(labels::update(connection, org, &id, &changes)?.ok_or_else(taken)?)
    };
    once.write(store, org, write).await
}

/// Deletes the label, from every chat that has it.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    id: LabelId,
    precondition: Precondition<LabelRow>,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = move |connection: &mut _| {
        let label = labels::lock(connection, org, &id)?.ok_or_else(not_found)?;
        precondition.check(&label)?;
        labels::touch_chats(connection, org, &id)?;
        labels::delete(connection, org, &id)
    };
    once.write(store, org, write).await
}

fn taken() -> Error {
    Error::new(Kind::Conflict, "the organization has a label with this name already")
}

fn not_found() -> Error {
    Error::not_found("label not found")
}

/// One label's name. A list of names may be one text with commas between them, so a name holds none.
fn named(name: &str) -> Result<LabelName> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::invalid("name", "must not be empty"));
    }
    if name.contains(',') {
        return Err(Error::invalid("name", "must not hold a comma"));
    }
    check_name("name", name)?;
    Ok(LabelName { key: text_key(name), name: name.to_owned() })
}

fn check_name(field: &str, name: &str) -> Result<()> {
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not hold control characters"));
    }
    if name.chars().count() > MAX_CHARACTERS {
        let each = if field == FIELD { " each" } else { "" };
        return Err(Error::invalid(field, format_args!("must be at most {MAX_CHARACTERS} characters{each}")));
    }
    // Filters name a label by id or by name, in any case.
    if text_key(name).parse::<LabelId>().is_ok() {
        return Err(Error::invalid(field, "must not look like a label id"));
    }
    Ok(())
}

fn checked_color(color: String) -> Result<String> {
    let digits = color.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(color);
    }
    Err(Error::invalid("color", "must be a colour such as #1FA2B3"))
}

/// The names in a list whose elements may hold several, separated by commas: trimmed, empty ones dropped, each name
/// once in the spelling that came first, sorted by key.
pub(super) fn parse(lists: &[String]) -> Result<Vec<LabelName>> {
    let mut names = BTreeMap::new();
    for name in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        check_name(FIELD, name)?;
        names.entry(text_key(name)).or_insert_with(|| name.to_owned());
    }
    if names.len() > MAX_LABELS {
        return Err(Error::invalid(FIELD, format_args!("must be at most {MAX_LABELS}")));
    }
    Ok(names.into_iter().map(|(key, name)| LabelName { key, name }).collect())
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
    fn a_list_is_split_trimmed_and_deduplicated() {
        assert_eq!(names(&[" b ,, A", "a, c,\tÉ ", "e\u{301}"]).unwrap(), ["A", "b", "c", "É"]);
        assert!(names(&["", " , ,"]).unwrap().is_empty());
    }

    #[test]
    fn control_characters_are_refused_inside_a_name() {
        for list in ["a\u{0}b", "a\nb", "a\u{7f}"] {
            assert_eq!(names(&[list]).unwrap_err().fields()[0].field, "labels", "{list:?}");
        }
    }

    #[test]
    fn a_name_has_at_most_a_hundred_characters() {
        assert!(names(&[&"é".repeat(100)]).is_ok());
        assert!(names(&[&"e".repeat(101)]).is_err());
    }

    #[test]
    fn one_label_has_one_name() {
        assert_eq!(named(" VIP ").unwrap(), LabelName { key: "vip".to_owned(), name: "VIP".to_owned() });
        for bad in ["", " ", "a,b", ",", "a\nb", "a\u{0}b", &"e".repeat(101)] {
            assert_eq!(named(bad).unwrap_err().fields()[0].field, "name", "{bad:?}");
        }
    }

    #[test]
    fn a_name_cannot_be_taken_for_an_id() {
        for bad in ["label-abcdefghijklmnop", "LABEL-ABCDEFGHIJKLMNOP"] {
            assert_eq!(named(bad).unwrap_err().message(), "name must not look like a label id");
            assert_eq!(names(&["fine", bad]).unwrap_err().message(), "labels must not look like a label id");
        }
        assert!(named("label-abc").is_ok());
    }

    #[test]
    fn one_name_is_not_spoken_of_as_several() {
        let long = "e".repeat(101);
        assert_eq!(named(&long).unwrap_err().message(), "name must be at most 100 characters");
        assert_eq!(names(&[&long]).unwrap_err().message(), "labels must be at most 100 characters each");
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        for good in ["#1FA2B3", "#1fa2b3"] {
            assert_eq!(checked_color(good.to_owned()).unwrap(), good);
        }
        for bad in ["", "#", "1FA2B3", "#1FA2B", "#1FA2B3F", "#1FA2BG", "red", "#\u{661}\u{662}\u{663}"] {
            assert!(checked_color(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_chat_has_at_most_a_hundred_labels() {
        let list =
            |count: usize| (0..count).map(|i| format!("label{i},LABEL{i}")).collect::<Vec<_>>().join(",");
        assert_eq!(names(&[&list(100)]).unwrap().len(), 100);
        assert!(names(&[&list(101)]).is_err());
    }

    proptest! {
        #[test]
        fn what_was_parsed_parses_to_itself(lists: Vec<String>) {
            let Ok(labels) = parse(&lists) else { return Ok(()) };
            let names: Vec<_> = labels.iter().map(|label| label.name.clone()).collect();
            prop_assert_eq!(parse(&names).unwrap(), labels);
        }
    }
}
