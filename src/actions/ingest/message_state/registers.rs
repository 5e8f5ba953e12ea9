//! Registers: of two values of a field the newer version wins, and of one version the greater value.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

/// The versions of a state's fields, in Unix microseconds.
pub(super) struct Versions {
    pub(super) newest: i64,
    pub(super) older: BTreeMap<String, i64>,
}

impl Versions {
    pub(super) fn of(&self, field: &str) -> i64 {
        self.older.get(field).copied().unwrap_or(self.newest)
    }
}

/// The merge of two states' fields.
pub(super) struct Merge {
    pub(super) own: Versions,
    pub(super) other: Versions,
    /// The versions of the merged fields that have a value.
    pub(super) merged: BTreeMap<String, i64>,
}

impl Merge {
    pub(super) fn pick_optional<T>(
        &mut self,
        field: &str,
        own: Option<T>,
        other: Option<T>,
        order: impl Fn(&T, &T) -> Ordering,
    ) -> Option<T> {
        let (own_at, other_at) = (self.own.of(field), self.other.of(field));
        let (value, version) = match (own, other) {
            (Some(own), Some(other)) => match other_at.cmp(&own_at).then_with(|| order(&other, &own)) {
                Ordering::Greater => (other, other_at),
                Ordering::Equal | Ordering::Less => (own, own_at),
            },
            (Some(own), None) => (own, own_at),
            (None, Some(other)) => (other, other_at),
            (None, None) => return None,
        };
        self.merged.insert(field.to_owned(), version);
        Some(value)
    }
}

/// The order of two values of one version.
pub(super) fn by_text(one: &Value, other: &Value) -> Ordering {
    one.to_string().cmp(&other.to_string())
}
