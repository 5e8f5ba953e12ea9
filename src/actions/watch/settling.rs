//! Up to where no event can turn up any more: their numbers are drawn in order and commit in any order.

use crate::store::events::EventHead;

/// What was seen of writers that have not ended yet.
#[derive(Debug, Default)]
pub(in crate::actions) struct Settling(Option<EventHead>);

impl Settling {
    /// What the latest look has settled, if anything.
    pub(in crate::actions) fn settled_by(&mut self, safe_position: EventHead) -> Option<EventHead> {
        match self.0.take() {
            _ if safe_position.writers.is_empty() => Some(safe_position),
            Some(earlier) if earlier.writers.iter().any(|writer| safe_position.writers.contains(writer)) => {
                self.0 = Some(earlier);
                None
            }
            earlier => {
                self.0 = Some(safe_position);
                earlier
            }
        }
    }

    /// Whether writers hold events back: it is worth looking again soon.
    pub(in crate::actions) fn is_held_back(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    fn safe_position(last: i64, writers: &[&str]) -> EventHead {
        let writers = writers.iter().map(|writer| (*writer).to_owned()).collect();
        EventHead { last, at: Instant::from_micros(last), writers }
    }

    #[test]
    fn what_is_settled_waits_for_those_who_wrote_when_it_was_seen_and_for_no_others() {
        let mut settling = Settling::default();
        let mut look = |last, writers: &[&str]| {
            let settled = settling.settled_by(safe_position(last, writers)).map(|settled| settled.last);
            (settled, settling.is_held_back())
        };
        assert_eq!(look(1, &[]), (Some(1), false));
        assert_eq!(look(5, &["a", "b"]), (None, true));
        assert_eq!(look(7, &["b", "c"]), (None, true));
        assert_eq!(look(9, &["c", "d"]), (Some(5), true));
        assert_eq!(look(11, &["e"]), (Some(9), true));
        assert_eq!(look(12, &[]), (Some(12), false));
    }
}
