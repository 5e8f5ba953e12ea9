//! The pace of a connection, and pauses between the attempts of a send.

use std::time::Duration;

use tokio::time::Instant as Clock;

/// How often the outbox is looked through without a wake-up: then WhatsApp may have reported sends whose outcome is unknown.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// The pause after the first attempt; each later one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_mins(5);

/// How soon after each other sends may begin.
pub(super) struct Pace {
    interval: Duration,
    free_at: Clock,
}

impl Pace {
    /// At most that many sends a minute, evenly spaced; `None` for no limit. A restart does not make it faster.
    pub(super) fn new(per_minute: Option<i32>) -> Self {
        let per_minute =
            per_minute.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        let interval = per_minute.map_or(Duration::ZERO, |number| Duration::from_mins(1) / number);
        Self { interval, free_at: Clock::now() + interval }
    }

    /// Whether a send may begin now, which is then the last one until the interval has passed.
    pub(super) fn take(&mut self) -> bool {
        let is_free = self.is_free();
        if is_free {
            self.free_at = Clock::now() + self.interval;
        }
        is_free
    }

    /// Whether a send may begin now.
    pub(super) fn is_free(&self) -> bool {
        self.interval.is_zero() || self.free_at <= Clock::now()
    }

    /// When to look for sends again.
    pub(super) fn next(&self) -> Clock {
        let poll = Clock::now() + POLL_INTERVAL;
        if self.free_at > Clock::now() { self.free_at.min(poll) } else { poll }
    }
}

/// The pause after that many attempts, with jitter.
pub(super) fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or_default();
    let pause = FIRST_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    pause.mul_f64(rand::random_range(0.75..1.0))
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

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        for (attempts, longest) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (100, 300)] {
            let (pause, longest) = (backoff(attempts), Duration::from_secs(longest));
            assert!(pause <= longest && pause >= longest.mul_f64(0.75), "{attempts}: {pause:?}");
        }
    }
}
