//! A moment in time as everything here stores and answers it.

/// A moment, in microseconds since the Unix epoch: what PostgreSQL's `timestamptz` can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The last millisecond of the year 9999, in Unix milliseconds: the end of what RFC 3339 can write.
    pub const MAX_MILLIS: i64 = 253_402_300_799_999;

    /// What [`from_millis`](Self::from_millis) takes, in words that follow a field's name.
    pub const MILLIS: &str = "must be a Unix time in milliseconds, not negative and not past the year 9999";

    /// What [`from_iso_8601`](Self::from_iso_8601) takes, in words that follow a field's name.
    pub const ISO_8601: &str =
        "must be an ISO 8601 date or date-time, such as 2026-11-22 or 2026-11-22T10:00:00Z";

    /// From Unix microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From Unix milliseconds; `None` before 1970 or after the year 9999.
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < 0 || millis > Self::MAX_MILLIS { None } else { Some(Self(millis * 1000)) }
    }

    /// The present moment by this machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// From an ISO 8601 date, which is its first moment, or date-time; of UTC where it has no offset. `None` for anything
    /// else, and before the year 1 or after the year 9999.
    pub fn from_iso_8601(text: &str) -> Option<Self> {
        // jiff also reads RFC 9557's `[Europe/Paris]`, which is not ISO 8601.
        if text.contains('[') {
            return None;
        }
        let utc = |moment: jiff::civil::DateTime| moment.to_zoned(jiff::tz::TimeZone::UTC).ok();
        let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let date = || text.parse::<jiff::civil::Date>().ok().map(|date| date.at(0, 0, 0, 0));
            let moment = text.parse::<jiff::civil::DateTime>().ok().or_else(date)?;
            utc(moment).map(|moment| moment.timestamp())
        })?;
        (moment.to_zoned(jiff::tz::TimeZone::UTC).year() >= 1).then(|| Self(moment.as_microsecond()))
    }

    /// The moment that long after this one.
    pub fn later_by(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
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

impl From<Instant> for prost_types::Timestamp {
    fn from(instant: Instant) -> Self {
        let nanos = instant.0.rem_euclid(1_000_000) * 1000;
        Self { seconds: instant.0.div_euclid(1_000_000), nanos: i32::try_from(nanos).unwrap_or_default() }
    }
}
