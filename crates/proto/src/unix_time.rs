//! Unix times in JSON, which are in seconds or in milliseconds.

use prost_types::Timestamp;

/// The last millisecond of the year 9999, the end of RFC 3339, in Unix milliseconds.
pub const MAX_MILLIS: i64 = 253_402_300_799_999;

/// Whether a Unix time is of this millennium in seconds, which in milliseconds would be in 1973 at the latest.
pub const fn looks_like_seconds(unix_time: i64) -> bool {
    1_000_000_000 <= unix_time && unix_time < 100_000_000_000
}

/// The Unix microseconds of Unix milliseconds; `None` before 1970 or after the year 9999.
pub const fn micros_of_millis(millis: i64) -> Option<i64> {
    if millis < 0 || millis > MAX_MILLIS { None } else { Some(millis * 1000) }
}

/// The Unix microseconds of a Unix time, which is in seconds if it is [plainly so](looks_like_seconds), else in milliseconds.
/// `None` before 1970 or after the year 9999.
pub const fn micros(number: i64) -> Option<i64> {
    micros_of_millis(if looks_like_seconds(number) { number * 1000 } else { number })
}

/// The timestamp of Unix microseconds.
pub fn timestamp(micros: i64) -> Timestamp {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or_default();
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}
