//! Pages of lists that are walked with a cursor.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::{Scope, SigningKeys};
use crate::error::Result;
use crate::ids::OrgId;

const DEFAULT: i64 = 50;
const LARGEST: i64 = 200;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` on the last one.
    pub next: Option<String>,
}

/// How many items a page has: what was asked for, held between 1 and 200; 50 when nothing was.
pub(super) fn size(limit: Option<i64>) -> i64 {
    limit.unwrap_or(DEFAULT).clamp(1, LARGEST)
}

/// What the page comes after: what the cursor says, or the least of all positions when there is none.
pub(super) fn after<P: DeserializeOwned + Default>(
    cursor: &str,
    (cursors, org, scope): (&SigningKeys, OrgId, &Scope),
) -> Result<P> {
    if cursor.is_empty() { Ok(P::default()) } else { cursors.open(org, scope, cursor) }
}

/// The page of rows that were looked for with room for one more than the page has: the one too many says that there is a
/// next page, which begins after the last one that is shown.
pub(super) fn cut<T, P: Serialize>(
    mut rows: Vec<T>,
    size: i64,
    position: impl Fn(&T) -> P,
    (cursors, org, scope): (&SigningKeys, OrgId, &Scope),
) -> Result<Page<T>> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let is_last = rows.len() <= size;
    rows.truncate(size);
    let last = rows.last().filter(|_| !is_last);
    let next = last.map(|row| cursors.seal(org, scope, &position(row))).transpose()?;
    Ok(Page { items: rows, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::SigningKey;

    #[test]
    fn a_size_beyond_is_taken_for_the_nearest() {
        for (limit, expected) in [
            (None, 50),
            (Some(1), 1),
            (Some(200), 200),
            (Some(0), 1),
            (Some(i64::MIN), 1),
            (Some(201), 200),
            (Some(1_000_000_000_000), 200),
        ] {
            assert_eq!(size(limit), expected, "{limit:?}");
        }
    }

    #[test]
    fn a_next_page_is_named_only_when_there_is_one() {
        let keys = SigningKeys::new(SigningKey::generate().parse().unwrap(), None);
        let (org, scope) = (OrgId::generate(), Scope::of("numbers"));
        let page = |rows| cut(rows, 2, |row: &i64| *row, (&keys, org, &scope)).unwrap();
        assert_eq!(page(vec![]), Page { items: vec![], next: None });
        assert_eq!(page(vec![1, 2]), Page { items: vec![1, 2], next: None });
        let full = page(vec![1, 2, 3]);
        assert_eq!(full.items, [1, 2]);
        assert_eq!(keys.open::<i64>(org, &scope, &full.next.unwrap()).unwrap(), 2);
    }
}
