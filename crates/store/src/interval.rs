//! Durations as PostgreSQL intervals.

use std::time::Duration;

use diesel::data_types::PgInterval;

/// The duration as an interval.
pub(super) fn interval(duration: Duration) -> PgInterval {
    PgInterval::from_microseconds(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}
