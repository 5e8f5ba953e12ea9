//! Positions of watches, and whether the events after one are complete.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::store::events::{Head, Positions, RoutableEvent};

/// How much the clocks of servers may differ.
const JITTER: Duration = Duration::from_secs(2);

/// A position in the change events of an organization: what a resume token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) events: Positions,
    /// A time in Unix microseconds that no later event precedes.
    pub(super) at: i64,
}

impl Position {
    /// The end of the event log.
    pub(super) fn of(head: &Head) -> Self {
        Self { events: head.last, at: head.at.micros() }
    }

    /// The position after the event was read as well.
    pub(super) fn after(self, routable: &RoutableEvent) -> Self {
        let event = &routable.event;
        Self { events: self.events.after(event.event_id), at: self.at.max(event.at.micros()) }
    }

    /// The position after everything before both was read.
    pub(super) fn max(self, other: Self) -> Self {
        Self { events: self.events.max(other.events), at: self.at.max(other.at) }
    }

    /// Rejects a position whose following events may be deleted or lost. `time_here` is the latest time of the events at
    /// this position.
    pub(super) fn check(&self, head: &Head, time_here: Option<Instant>, retention: Duration) -> Result<()> {
        let is_expired = after(self.at, retention) < after(head.at.micros(), JITTER);
        if is_expired || head.removed.exceeds(&self.events) {
            return Err(Error::new(Kind::Gone, "the events after the resume token have expired"));
        }
        // Later events have numbers again that were lost. One server's clock times what was read no later than the reading.
        let jitter = if head.has_one_clock { Duration::ZERO } else { JITTER };
        let is_replaced = time_here.is_some_and(|at| at.micros() > after(self.at, jitter));
        if is_replaced || self.events.exceeds(&head.last) { Err(history_lost()) } else { Ok(()) }
    }
}

/// The time that long after another one, in microseconds.
fn after(at: i64, length: Duration) -> i64 {
    at.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}

/// The error of a watch whose position is not in the database any more.
pub(super) fn history_lost() -> Error {
    let message = "event history was lost in a failover; restart the watch without a token";
    Error::new(Kind::Gone, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: i64 = 10_000_000_000;

    fn check(position: (i64, i64), (last, removed): (i64, i64), time_here: Option<i64>) -> Option<String> {
        let of_bucket = |number| Positions::of([(4, number)]);
        let (at, server) = (Instant::from_micros(NOW), Instant::from_micros(0));
        let (last, removed) = (of_bucket(last), of_bucket(removed));
        let head = Head { last, removed, at, server, has_one_clock: true };
        let position = Position { events: of_bucket(position.0), at: position.1 };
        position.check(&head, time_here.map(Instant::from_micros), HOUR).err().map(|error| error.to_string())
    }

    #[test]
    fn position_is_valid_while_its_next_event_is_stored() {
        assert_eq!(check((7, NOW), (9, 7), Some(NOW - 5)), None);
        assert!(check((6, NOW), (9, 7), None).is_some_and(|error| error.contains("expired")));
        let old = NOW - 3_600_000_000;
        assert!(check((7, old), (9, 0), Some(old)).is_some_and(|error| error.contains("expired")));
    }

    #[test]
    fn position_of_lost_or_replaced_events_is_rejected() {
        assert!(check((10, NOW), (9, 0), None).is_some_and(|error| error.contains("lost")));
        let (before, after) = (NOW - 60_000_000, NOW - 30_000_000);
        assert_eq!(check((7, before), (9, 0), Some(before)), None);
        for after in [after, before + 1] {
            assert!(check((7, before), (9, 0), Some(after)).is_some_and(|error| error.contains("lost")));
        }
    }
}
