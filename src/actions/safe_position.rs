//! Computes the safe position of the event log, up to which every event is visible.
//!
//! Event ids are assigned in order, but transactions commit in any order.

use crate::store::events::EventHead;

/// Tracks the newest event head whose writers have not all ended.
#[derive(Debug, Default)]
pub(super) struct SafePositionTracker(Option<EventHead>);

impl SafePositionTracker {
    /// Takes the current head. Returns the new safe position, if it advanced.
    pub(super) fn update(&mut self, head: EventHead) -> Option<EventHead> {
        match self.0.take() {
            _ if head.writers.is_empty() => Some(head),
            Some(earlier) if earlier.writers.iter().any(|writer| head.writers.contains(writer)) => {
                self.0 = Some(earlier);
                None
            }
            earlier => {
                self.0 = Some(head);
                earlier
            }
        }
    }

    /// Whether open transactions hold the safe position back.
    pub(super) fn is_held_back(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    fn head(last: i64, writers: &[&str]) -> EventHead {
        let writers = writers.iter().map(|writer| (*writer).to_owned()).collect();
        EventHead { last, at: Instant::from_micros(last), writers }
    }

    #[test]
    fn safe_position_waits_only_for_writers_open_at_its_head() {
        let mut tracker = SafePositionTracker::default();
        let mut update = |last, writers: &[&str]| {
            let safe = tracker.update(head(last, writers)).map(|safe| safe.last);
            (safe, tracker.is_held_back())
        };
        assert_eq!(update(1, &[]), (Some(1), false));
        assert_eq!(update(5, &["a", "b"]), (None, true));
        assert_eq!(update(7, &["b", "c"]), (None, true));
        assert_eq!(update(9, &["c", "d"]), (Some(5), true));
        assert_eq!(update(11, &["e"]), (Some(9), true));
        assert_eq!(update(12, &[]), (Some(12), false));
    }
}
