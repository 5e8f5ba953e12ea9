//! The pace of a connection.

use std::time::Duration;

use tokio::time::Instant as Clock;

/// How often the outbox is looked through without a wake-up: then WhatsApp may have reported sends whose outcome is unknown.
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How soon after each other sends may begin.
pub struct Pace {
    interval: Duration,
    free_at: Clock,
}

impl Pace {
    /// At most that many sends a minute, evenly spaced; `None` for no limit. A restart does not make it faster.
    pub fn new(per_minute: Option<i32>) -> Self {
        let per_minute =
            per_minute.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        let interval = per_minute.map_or(Duration::ZERO, |number| Duration::from_mins(1) / number);
        Self { interval, free_at: Clock::now() + interval }
    }

    /// Sets another pace, from now on.
    pub fn change(&mut self, per_minute: Option<i32>) {
        let changed = Self::new(per_minute);
        if changed.interval != self.interval {
            *self = changed;
        }
    }

    /// Whether a send may begin now, which is then the last one until the interval has passed.
    pub fn take(&mut self) -> bool {
        let is_free = self.is_free();
        if is_free {
            self.free_at = Clock::now() + self.interval;
        }
        is_free
    }

    /// Whether a send may begin now.
    pub fn is_free(&self) -> bool {
        self.interval.is_zero() || self.free_at <= Clock::now()
    }

    /// When to look for sends again.
    pub(super) fn next(&self) -> Clock {
        let poll = Clock::now() + POLL_INTERVAL;
        if self.free_at > Clock::now() { self.free_at.min(poll) } else { poll }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sends_are_evenly_spaced_from_the_start() {
        let mut pace = Pace::new(Some(300));
        assert!(!pace.take());
        tokio::time::sleep(Duration::from_millis(210)).await;
        assert!(pace.take() && !pace.take());
        let mut unlimited = Pace::new(None);
        assert!(unlimited.take() && unlimited.take());
    }
}
