//! Rows whose values change.

use std::collections::BTreeMap;

/// When each field of a row was last reported, in Unix microseconds.
pub type FieldTimes = BTreeMap<String, i64>;

/// Adds the times of fields that only the other row has.
pub fn add_times(times: &mut FieldTimes, others: FieldTimes) {
    for (field, at) in others {
        times.entry(field).or_insert(at);
    }
}

/// A row before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// As it is stored.
    pub before: T,
    /// As it is to be stored.
    pub after: T,
}

impl<T: PartialEq> Changed<T> {
    /// A change of a row; `None` when nothing changes.
    pub fn new(before: T, after: T) -> Option<Self> {
        (before != after).then_some(Self { before, after })
    }
}
