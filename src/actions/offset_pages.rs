//! Lists that are paginated with an offset and a limit.

use std::ops::{Range, RangeInclusive};

use crate::error::{Error, FieldViolation, Result};
use crate::instant::Instant;
use crate::store::lists::{self, PageWindow};

const DEFAULT_LIMIT: i64 = 1000;
const BOUNDS: Bounds = Bounds { offset: 0..=i64::MAX, limit: 1..=2000 };

/// Selects a page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Number of items before the page.
    pub offset: Option<i64>,
    /// Maximum number of items.
    pub limit: Option<i64>,
    /// Whether to omit the total count.
    pub skip_count: bool,
}

/// The accepted ranges.
pub(super) struct Bounds {
    pub(super) offset: RangeInclusive<i64>,
    pub(super) limit: RangeInclusive<i64>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// Position of the first item, counted from 1; 0 when there is none.
    pub from: i64,
    /// Position of the last item; 0 when there is none.
    pub to: i64,
    /// The total number of items, unless it was skipped.
    pub count: Option<i64>,
    /// The items.
    pub items: Vec<T>,
}

impl<T> Listed<T> {
    /// The page with its positions.
    pub(super) fn new(page: PageWindow, listed: lists::ListPage<T>) -> Self {
        let lists::ListPage { count, items } = listed;
        let (from, to) = positions(page.offset, items.len());
        Self { from, to, count, items }
    }
}

/// Positions of the first and last item, counted from 1; zeros for an empty page.
pub fn positions(offset: i64, length: usize) -> (i64, i64) {
    match i64::try_from(length).unwrap_or(i64::MAX) {
        0 => (0, 0),
        length => (offset.saturating_add(1), offset.saturating_add(length)),
    }
}

/// The requested page; by default the first 1000 items.
pub(super) fn page(request: PageRequest) -> Result<PageWindow> {
    let (offset, limit) = (request.offset.unwrap_or(0), request.limit.unwrap_or(DEFAULT_LIMIT));
    BOUNDS.check(offset, limit)?;
    Ok(PageWindow { offset, limit, with_count: !request.skip_count })
}

impl Bounds {
    /// Rejects values out of range. The error lists all of them.
    pub(super) fn check(&self, offset: i64, limit: i64) -> Result<()> {
        let fields = [("offset", offset, &self.offset), ("limit", limit, &self.limit)];
        let violations = fields.into_iter().filter(|(_, value, range)| !range.contains(value));
        let violations: Vec<_> = violations
            .map(|(field, value, range)| match range.end() {
                &i64::MAX => FieldViolation::out_of_range(field, "must not be negative", value),
                max => {
                    let problem = format_args!("must be between {} and {max}", range.start());
                    FieldViolation::out_of_range(field, problem, value)
                }
            })
            .collect();
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid_fields(violations)) }
    }
}

/// The time range of `start_time` and `end_time`.
pub(super) fn times(start: Option<&str>, end: Option<&str>) -> Result<Range<Option<Instant>>> {
    let moment = |field, text: Option<&str>| text.map(|text| moment(field, text)).transpose();
    Ok(moment("start_time", start)?..moment("end_time", end)?)
}

/// The instant in a field's ISO 8601 text.
pub fn moment(field: &str, text: &str) -> Result<Instant> {
    Instant::from_iso_8601(text).ok_or_else(|| Error::invalid(field, Instant::ISO_8601))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_page_is_the_first_1000_items() {
        let all = PageWindow { offset: 0, limit: 1000, with_count: true };
        assert_eq!(page(PageRequest::default()).unwrap(), all);
    }

    #[test]
    fn range_error_lists_every_field_with_its_value() {
        let request = PageRequest { offset: Some(-3), limit: Some(2001), skip_count: false };
        let error = page(request).unwrap_err();
        let named: Vec<_> = error.fields().iter().map(|field| (field.field.as_str(), field.value)).collect();
        assert_eq!(named, [("offset", Some(-3)), ("limit", Some(2001))]);
    }

    #[test]
    fn positions_start_at_one_and_are_zero_for_an_empty_page() {
        assert_eq!([positions(0, 1), positions(50, 3), positions(50, 0)], [(1, 1), (51, 53), (0, 0)]);
    }

    #[test]
    fn invalid_time_is_rejected_with_its_field() {
        assert_eq!(times(None, None).unwrap(), None..None);
        for (start, end, field) in [("yesterday", "2026-01-01", "start_time"), ("2026-01-01", "", "end_time")]
        {
            assert_eq!(times(Some(start), Some(end)).unwrap_err().fields()[0].field, field);
        }
    }
}
