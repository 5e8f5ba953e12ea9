//! What a list of label names may be.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::store::labels::LabelName;
use crate::text_key::text_key;

const FIELD: &str = "labels";
const MAX_LABELS: usize = 100;
const MAX_CHARACTERS: usize = 100;

/// The names in a list whose elements may hold several, separated by commas: trimmed, empty ones dropped, each name
/// once in the spelling that came first, sorted by key.
pub(super) fn parse(lists: &[String]) -> Result<Vec<LabelName>> {
    let mut names = BTreeMap::new();
    for name in lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()) {
        if name.chars().any(char::is_control) {
            return Err(Error::invalid(FIELD, "must not hold control characters"));
        }
        if name.chars().count() > MAX_CHARACTERS {
            return Err(Error::invalid(
                FIELD,
                format_args!("must be at most {MAX_CHARACTERS} characters each"),
            ));
        }
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
