//! Exponential backoff between delivery attempts.

use std::time::Duration;

const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// A random backoff between half and all of [`ceiling`].
/// Spreads out deliveries that failed together.
pub(super) fn jittered(failures: i32, initial: Duration) -> Duration {
    ceiling(failures, initial).mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

/// The longest backoff: doubled with each failure, up to ten minutes.
fn ceiling(failures: i32, initial: Duration) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(20);
    initial.saturating_mul(1 << doublings).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_the_maximum() {
        for (failures, expected) in [(1, 5), (2, 10), (4, 40), (9, 600), (i32::MAX, 600)] {
            let (backoff, expected) =
                (jittered(failures, Duration::from_secs(5)), Duration::from_secs(expected));
            assert!(backoff <= expected && backoff >= expected / 2, "{failures}: {backoff:?}");
        }
    }
}
