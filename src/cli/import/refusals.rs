//! Lines that are refused, in the order of the file although several writers find out about them.

use std::collections::{BTreeMap, BTreeSet};

/// More do not wait for their turn, so that they do not fill the memory.
const MAX_WAITING: usize = 10_000;

/// Refusals that wait until it is known whether any line before them is refused too.
#[derive(Default)]
pub(super) struct Refusals {
    waiting: BTreeMap<u64, String>,
    /// The first line of each batch that is not stored yet.
    undecided: BTreeSet<u64>,
}

impl Refusals {
    /// A batch begins with that line.
    pub(super) fn begin(&mut self, first: u64) {
        self.undecided.insert(first);
    }

    /// The batch that began with that line is stored.
    pub(super) fn end(&mut self, first: u64) {
        self.undecided.remove(&first);
    }

    /// That line is refused.
    pub(super) fn add(&mut self, line: u64, reason: String) {
        self.waiting.insert(line, reason);
    }

    /// Those whose turn it is, which no longer wait. Lines are read in their order, so one before the first undecided batch
    /// has nothing undecided before it.
    pub(super) fn due(&mut self) -> BTreeMap<u64, String> {
        let first = self.undecided.first().filter(|_| self.waiting.len() <= MAX_WAITING);
        let later = first.map(|first| self.waiting.split_off(first)).unwrap_or_default();
        std::mem::replace(&mut self.waiting, later)
    }

    /// All that still wait.
    pub(super) fn rest(&mut self) -> BTreeMap<u64, String> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(refusals: &mut Refusals) -> Vec<u64> {
        refusals.due().into_keys().collect()
    }

    #[test]
    fn a_line_waits_for_those_before_it() {
        let mut refusals = Refusals::default();
        refusals.begin(2);
        refusals.begin(3);
        refusals.add(1, String::new());
        refusals.add(7, String::new());
        assert_eq!(due(&mut refusals), [1]);
        refusals.add(5, String::new());
        refusals.end(3);
        assert!(due(&mut refusals).is_empty());
        refusals.add(4, String::new());
        refusals.end(2);
        assert_eq!(due(&mut refusals), [4, 5, 7]);
    }

    #[test]
    fn not_all_of_a_large_file_wait() {
        let mut refusals = Refusals::default();
        refusals.begin(1);
        for line in 2.. {
            refusals.add(line, String::new());
            let due = due(&mut refusals);
            if !due.is_empty() {
                assert_eq!(due.len(), MAX_WAITING + 1);
                break;
            }
        }
    }
}
