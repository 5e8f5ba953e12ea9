//! Points in time.

use jiff::civil;
use jiff::fmt::temporal::Pieces;

use switchboard_proto::unix_time;

/// A point in time in Unix microseconds, the precision of PostgreSQL's `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The start of the year 1.
    pub const MIN: Self = Self(-62_135_596_800_000_000);

    /// The end of the year 9999.
    pub const MAX: Self = Self(Self::MAX_MILLIS * 1000 + 999);

    /// The last millisecond of the year 9999, the end of RFC 3339, in Unix milliseconds.
    pub const MAX_MILLIS: i64 = unix_time::MAX_MILLIS;

    /// The error text of a field that [`from_millis`](Self::from_millis) rejects.
    pub const MILLIS: &str = "must be a Unix time in milliseconds, not negative and not past the year 9999";

    /// The error text of a field that [`from_iso_8601`](Self::from_iso_8601) rejects.
    pub const ISO_8601: &str =
        "must be an ISO 8601 date or date-time, such as 2026-11-22 or 2026-11-22T10:00:00Z, or a Unix time";

    /// The error text of a field in Unix milliseconds whose value is plainly in seconds.
    pub const LOOKS_LIKE_SECONDS: &str = "must be in Unix milliseconds; the value looks like seconds";

    /// From Unix microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From Unix milliseconds; `None` before 1970 or after the year 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        unix_time::micros_of_millis(millis).map(Self)
    }

    /// The current time of this machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// From an ISO 8601 date, which means its start, or date-time; UTC without an offset.
    ///
    /// `None` for other texts, and before the year 1 or after the year 9999.
    pub fn from_iso_8601(text: &str) -> Option<Self> {
        // jiff's timestamps end some hours before the year 9999 does, so the sum is made here.
        let pieces = iso_8601(text)?;
        let local = pieces.date().to_datetime(pieces.time().unwrap_or(civil::Time::midnight()));
        let offset = pieces.to_numeric_offset().map_or(0, |offset| i64::from(offset.seconds()));
        let since_1970 = local.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
        let micros = i64::try_from(since_1970.as_micros()).ok()? - offset * 1_000_000;
        (Self::MIN..=Self::MAX).contains(&Self(micros)).then_some(Self(micros))
    }

    /// From the digits of a Unix time, in seconds if it is [plainly so](unix_time::looks_like_seconds), else in milliseconds.
    pub fn from_unix_time(text: &str) -> Option<Self> {
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        unix_time::micros(number).map(Self)
    }

    /// Whether the text is an ISO 8601 date or date-time, of any year.
    pub fn is_iso_8601(text: &str) -> bool {
        iso_8601(text).is_some()
    }

    /// The instant that long after this one.
    pub fn later_by(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The instant that much earlier.
    pub fn earlier_by(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Number of months since the year 0, in UTC.
    pub fn month(self) -> i64 {
        let since_1970 = jiff::SignedDuration::from_micros(self.0);
        let date = civil::date(1970, 1, 1).at(0, 0, 0, 0).saturating_add(since_1970);
        i64::from(date.year()) * 12 + i64::from(date.month())
    }

    /// Unix microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Unix milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

fn iso_8601(text: &str) -> Option<Pieces<'_>> {
    // jiff also parses the `[Europe/Paris]` of RFC 9557, which is not ISO 8601.
    Pieces::parse(text).ok().filter(|_| !text.contains('['))
}

impl From<Instant> for prost_types::Timestamp {
    fn from(instant: Instant) -> Self {
        unix_time::timestamp(instant.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<i64> {
        Instant::from_iso_8601(text).map(Instant::millis)
    }

    #[test]
    fn date_is_its_start_and_missing_offset_is_utc() {
        assert_eq!(millis("1970-01-02"), Some(86_400_000));
        assert_eq!(millis("1970-01-01T00:00:01"), Some(1000));
        assert_eq!(millis("1970-01-01T05:30:00.5+05:30"), Some(500));
        assert_eq!(millis("1969-12-31T23:59:59Z"), Some(-1000));
    }

    #[test]
    fn unix_time_is_in_seconds_or_milliseconds() {
        let millis = |text| Instant::from_unix_time(text).map(Instant::millis);
        assert_eq!(millis("1737976000"), Some(1_737_976_000_000));
        assert_eq!(millis("1737976000123"), Some(1_737_976_000_123));
        assert_eq!(millis("0"), Some(0));
        for other in ["", "-1", "+1", "1.5", "253402300800000", "99999999999999999999"] {
            assert_eq!(millis(other), None, "{other}");
        }
    }

    #[test]
    fn years_1_to_9999_are_parsed() {
        assert_eq!(Instant::from_iso_8601("0001-01-01").map(Instant::micros), Some(Instant::MIN.micros()));
        assert_eq!(millis("9999-12-31"), Some(253_402_214_400_000));
        assert_eq!(millis("9999-12-31T23:59:59.999Z"), Some(Instant::MAX_MILLIS));
        assert_eq!(millis("9999-12-31T23:59:59.999"), Some(Instant::MAX_MILLIS));
        for beyond in ["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(millis(beyond), None, "{beyond}");
        }
    }

    #[test]
    fn other_texts_are_not_parsed() {
        for text in [
            "",
            "soon",
            "2026-02-30",
            "22.11.2026",
            "10:00",
            "2026-11-22T10:00[Europe/Paris]",
            "+10000-01-01",
        ] {
            assert!(!Instant::is_iso_8601(text), "{text}");
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
