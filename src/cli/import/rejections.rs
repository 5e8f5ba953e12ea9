//! Rejected lines, printed in the order of the file although several writers reject them.

use std::collections::{BTreeMap, BTreeSet};

/// Bounds memory: with more than this, rejections are printed out of order.
const MAX_WAITING: usize = 10_000;

/// Rejections that wait until all earlier lines are stored or rejected.
#[derive(Default)]
pub(super) struct Rejections {
    waiting: BTreeMap<u64, String>,
    /// The first line of each batch that is not stored yet.
    unfinished: BTreeSet<u64>,
}

impl Rejections {
    /// Records that a batch starts with that line.
    pub(super) fn begin(&mut self, first: u64) {
        self.unfinished.insert(first);
    }

    /// Records that the batch that started with that line is stored.
    pub(super) fn end(&mut self, first: u64) {
        self.unfinished.remove(&first);
    }

    /// Adds a rejected line.
    pub(super) fn add(&mut self, line: u64, reason: String) {
        self.waiting.insert(line, reason);
    }

    /// Takes the rejections before the first unfinished batch: lines are read in order, so no earlier one is missing.
    pub(super) fn take_printable(&mut self) -> BTreeMap<u64, String> {
        let first = self.unfinished.first().filter(|_| self.waiting.len() <= MAX_WAITING);
        let later = first.map(|first| self.waiting.split_off(first)).unwrap_or_default();
        std::mem::replace(&mut self.waiting, later)
    }

    /// Takes all rejections.
    pub(super) fn take_all(&mut self) -> BTreeMap<u64, String> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printable(rejections: &mut Rejections) -> Vec<u64> {
        rejections.take_printable().into_keys().collect()
    }

    #[test]
    fn number_of_waiting_rejections_is_bounded() {
        let mut rejections = Rejections::default();
        rejections.begin(1);
        for line in 2.. {
            rejections.add(line, String::new());
            let printable = printable(&mut rejections);
            if !printable.is_empty() {
                assert_eq!(printable.len(), MAX_WAITING + 1);
                break;
            }
        }
    }
}
