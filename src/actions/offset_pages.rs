//! Pages of lists that are counted from their start: what may be asked of them, and which part of a list they are.

use std::ops::Range;

use crate::caller::Caller;
use crate::error::{Error, FieldViolation, Result};
use crate::ids::PhoneSelector;
use crate::instant::Instant;
use crate::store::lists::{self, Numbers, Window};
use crate::store::{Connection, StoreResult};

const DEFAULT_LIMIT: i64 = 1000;
const MAX_LIMIT: i64 = 2000;

/// Which page of a list is asked for, as the caller said it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items to leave out.
    pub offset: Option<i64>,
    /// How many items to answer.
    pub limit: Option<i64>,
    /// Whether the list is not to be counted.
    pub skip_count: bool,
}

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    offset: i64,
    limit: i64,
    pub(super) skip_count: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// Position of the first item, counted from 1; 0 when there is none.
    pub from: i64,
    /// Position of the last item; 0 when there is none.
    pub to: i64,
    /// How many items the list has, if that was asked for.
    pub count: Option<i64>,
    /// The items.
    pub items: Vec<T>,
}

impl Page {
    pub(super) fn parse(request: PageRequest) -> Result<Self> {
        let offset = request.offset.unwrap_or(0);
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let mut violations = Vec::new();
        if offset < 0 {
            violations.push(FieldViolation::out_of_range("offset", "must not be negative", offset));
        }
        if !(1..=MAX_LIMIT).contains(&limit) {
            let problem = format_args!("must be between 1 and {MAX_LIMIT}");
            violations.push(FieldViolation::out_of_range("limit", problem, limit));
        }
        if violations.is_empty() {
            Ok(Self { offset, limit, skip_count: request.skip_count })
        } else {
            Err(Error::invalid_fields(violations))
        }
    }

    /// The part of the list to read, given how many items it has if that is known; `None` when it lies past the end.
    ///
    /// What lies nearer to the end is counted from there, so the last page costs what the first costs.
    fn window(&self, count: Option<i64>) -> Option<Window> {
        let Some(count) = count else {
            return Some(Window { offset: self.offset, limit: self.limit, from_end: false });
        };
        let before_end = count.checked_sub(self.offset).filter(|rest| *rest > 0)?;
        let limit = self.limit.min(before_end);
        let after = before_end - limit;
        let from_end = after < self.offset;
        Some(Window { offset: if from_end { after } else { self.offset }, limit, from_end })
    }

    /// Reads the page: the length of the list if it is kept or asked for, the keys of the items, and the items whole.
    pub(super) fn read<K, T>(
        &self,
        connection: &mut Connection,
        kept_count: Option<i64>,
        count: impl FnOnce(&mut Connection) -> StoreResult<i64>,
        keys: impl FnOnce(&mut Connection, Window) -> StoreResult<Vec<K>>,
        whole: impl FnOnce(&mut Connection, &[K]) -> StoreResult<Vec<T>>,
    ) -> StoreResult<Listed<T>> {
        let count = match kept_count {
            Some(count) => Some(count),
            None if self.skip_count => None,
            None => Some(count(connection)?),
        };
        let keys = match self.window(count) {
            Some(window) => keys(connection, window)?,
            None => Vec::new(),
        };
        let items = if keys.is_empty() { Vec::new() } else { whole(connection, &keys)? };
        let (from, to) = match i64::try_from(items.len()).unwrap_or(i64::MAX) {
            0 => (0, 0),
            length => (self.offset.saturating_add(1), self.offset.saturating_add(length)),
        };
        Ok(Listed { from, to, count: count.filter(|_| !self.skip_count), items })
    }
}

/// The numbers a list is about: the selected one, or all that the caller reaches.
pub(super) fn numbers(
    connection: &mut Connection,
    caller: &Caller,
    number: Option<&PhoneSelector>,
) -> StoreResult<Numbers> {
    let Some(number) = number else {
        return Ok(match &caller.sessions {
            None => Numbers::All,
            Some(reachable) => match reachable[..] {
                [only] => Numbers::One(only),
                _ => Numbers::Some(reachable.clone()),
            },
        });
    };
    let session = lists::session(connection, caller.org, number)?;
    let is_reachable = |session: &_| caller.sessions.as_ref().is_none_or(|some| some.contains(session));
    let session = session.filter(is_reachable);
    Ok(Numbers::One(session.ok_or_else(|| Error::not_found("number not found"))?))
}

/// From when to when, as the caller said it: empty texts say nothing.
pub(super) fn times(start: &str, end: &str) -> Result<Range<Option<Instant>>> {
    Ok(moment("start_time", start)?..moment("end_time", end)?)
}

fn moment(field: &str, text: &str) -> Result<Option<Instant>> {
    if text.is_empty() {
        return Ok(None);
    }
    let expected = "must be an ISO 8601 date or date-time, such as 2026-11-22 or 2026-11-22T10:00:00Z";
    Instant::from_iso_8601(text).map(Some).ok_or_else(|| Error::invalid(field, expected))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(offset: i64, limit: i64) -> Page {
        Page { offset, limit, skip_count: false }
    }

    /// What a window shows of a list of that many numbers.
    fn seen(window: Option<Window>, count: i64) -> Vec<i64> {
        let Some(Window { offset, limit, from_end }) = window else { return Vec::new() };
        let (skip, take) = (usize::try_from(offset).unwrap(), usize::try_from(limit).unwrap());
        if from_end {
            let mut seen: Vec<i64> = (0..count).rev().skip(skip).take(take).collect();
            seen.reverse();
            seen
        } else {
            (0..count).skip(skip).take(take).collect()
        }
    }

    proptest! {
        #[test]
        fn a_page_is_the_same_from_either_end_and_never_skips_more_than_half(
            count in 0..60_i64, offset in 0..70_i64, limit in 1..20_i64,
        ) {
            let page = page(offset, limit);
            let window = page.window(Some(count));
            prop_assert_eq!(seen(window, count), seen(page.window(None), count));
            prop_assert!(window.is_none_or(|window| window.offset <= count / 2));
        }
    }

    #[test]
    fn what_is_not_said_is_the_first_thousand() {
        assert_eq!(Page::parse(PageRequest::default()).unwrap(), page(0, 1000));
    }

    #[test]
    fn everything_out_of_range_is_named_with_its_value() {
        let request = PageRequest { offset: Some(-3), limit: Some(2001), skip_count: false };
        let error = Page::parse(request).unwrap_err();
        let named: Vec<_> = error.fields().iter().map(|field| (field.field.as_str(), field.value)).collect();
        assert_eq!(named, [("offset", Some(-3)), ("limit", Some(2001))]);
    }

    #[test]
    fn a_time_that_is_none_is_refused_by_its_name_and_an_empty_one_says_nothing() {
        assert_eq!(times("", "").unwrap(), None..None);
        for (start, end, field) in [("yesterday", "", "start_time"), ("2026-01-01", "2026-02-30", "end_time")]
        {
            assert_eq!(times(start, end).unwrap_err().fields()[0].field, field);
        }
    }
}
