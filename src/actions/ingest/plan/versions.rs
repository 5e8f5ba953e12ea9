//! Versions of fields: of two values of a field the one that was reported later counts.

use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::ingest::FieldTimes;

/// When an event reported its fields.
#[derive(Clone, Copy)]
pub(super) struct Reported {
    /// As the event says, otherwise when it arrived.
    pub(super) at: Instant,
    /// Whether the event says it.
    pub(super) is_given: bool,
}

impl Reported {
    pub(super) fn new(given: Option<Instant>, arrived_at: Instant) -> Self {
        Self { at: given.unwrap_or(arrived_at), is_given: given.is_some() }
    }

    /// Changes a field unless a later value is stored; of two values of one instant the greater counts. Returns whether
    /// the event's value counts.
    ///
    /// The time of arrival of a value that is stored already is not noted: connectors repeat everything they have whenever
    /// they connect.
    pub(super) fn merge<T: Ord + Clone>(
        self,
        times: &mut FieldTimes,
        field: &str,
        stored: &mut Option<T>,
        change: &Patch<T>,
    ) -> bool {
        let new = match change {
            Patch::Keep => return false,
            Patch::Clear => None,
            Patch::Set(value) => Some(value.clone()),
        };
        let at = self.at.micros();
        let known = times.get(field).copied().unwrap_or(i64::MIN);
        if (at, &new) < (known, &*stored) {
            return false;
        }
        // The first report of a value makes it one that was reported, also when it is the default.
        if self.is_given || new != *stored || !times.contains_key(field) {
            times.insert(field.to_owned(), at);
            *stored = new;
        }
        true
    }

    /// [`merge`](Self::merge) for a field that always has a value.
    pub(super) fn merge_value<T: Ord + Clone>(
        self,
        times: &mut FieldTimes,
        field: &str,
        stored: &mut T,
        new: Option<T>,
    ) {
        let mut value = Some(stored.clone());
        self.merge(times, field, &mut value, &new.map_or(Patch::Keep, Patch::Set));
        *stored = value.unwrap_or_else(|| stored.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_value_counts_in_any_order() {
        let reports = [(Some(10), "a"), (Some(30), "c"), (Some(20), "b"), (Some(30), "b")];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let (mut times, mut name) = (FieldTimes::new(), None);
            for (given, value) in order.map(|index| reports[index]) {
                let reported = Reported::new(given.map(Instant::from_micros), Instant::from_micros(99));
                reported.merge(&mut times, "name", &mut name, &Patch::Set(value.to_owned()));
            }
            assert_eq!((name.as_deref(), times["name"]), (Some("c"), 30));
        }
    }

    #[test]
    fn repeated_value_without_time_changes_nothing() {
        let (mut times, mut name) = (FieldTimes::from([("name".to_owned(), 10)]), Some("a".to_owned()));
        let arrived = Reported::new(None, Instant::from_micros(99));
        assert!(arrived.merge(&mut times, "name", &mut name, &Patch::Set("a".to_owned())));
        assert_eq!(times["name"], 10);
        arrived.merge(&mut times, "name", &mut name, &Patch::Clear);
        assert_eq!((name, times["name"]), (None, 99));
    }
}
