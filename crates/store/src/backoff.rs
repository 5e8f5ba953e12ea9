//! Attempts of a transaction, and the pauses between them.

use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;

use super::db_error::DbErrorClass;
use switchboard_core::telemetry::metrics;

/// How often a transaction is attempted.
pub(super) const MAX_ATTEMPTS: u32 = 4;
/// Longest backoff before the second attempt; it doubles with each attempt.
const INITIAL_BACKOFF: Duration = Duration::from_millis(5);

/// Sleeps before a retry. Returns `false` when the error is not retryable or the deadline is too close.
#[expect(clippy::disallowed_methods, reason = "it runs on a worker thread, not on the runtime's")]
pub(super) fn back_off(attempt: u32, error: &DieselError, deadline: Option<Instant>) -> bool {
    let state = match DbErrorClass::of(error) {
        DbErrorClass::Retryable(state) | DbErrorClass::Unavailable(state) => state,
        DbErrorClass::ServerLost
        | DbErrorClass::StatementTimeout
        | DbErrorClass::InvalidData
        | DbErrorClass::Internal => return false,
    };
    // Jitter, so that conflicting transactions do not collide again.
    let backoff = INITIAL_BACKOFF.mul_f64(f64::from(1 << (attempt - 1)) * rand::random::<f64>());
    if deadline.is_some_and(|deadline| Instant::now() + backoff >= deadline) {
        return false;
    }
    metrics::retried(state);
    tracing::debug!(state, attempt, "retrying a transaction");
    std::thread::sleep(backoff);
    true
}
