//! `google.protobuf.Timestamp`, `Duration` and `FieldMask` as JSON strings.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use prost_types::{Duration, FieldMask, Timestamp};

use super::scalars::{Problem, Scalar, from_json};
use super::write::{ToJson, leaf};

from_json!([] Timestamp, [] Duration, [] FieldMask);

/// RFC 3339 with the offset `+00:00`: `2025-01-18T14:51:03+00:00`.
/// The fraction has no more digits than necessary.
impl ToJson for Timestamp {
    fn write(&self, out: &mut Vec<u8>) {
        let Ok(moment) = jiff::Timestamp::new(self.seconds, self.nanos) else {
            return out.extend_from_slice(b"null");
        };
        out.push(b'"');
        let written = DateTimePrinter::new().print_timestamp_with_offset(&moment, Offset::UTC, &mut *out);
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        out.push(b'"');
    }
}

impl Scalar for Timestamp {
    const EXPECTED: Problem = "must be an RFC 3339 date-time";

    fn from_text(text: &str) -> Result<Self, Problem> {
        const YEAR_1: i64 = -62_135_596_800;
        let moment: jiff::Timestamp = text.parse().map_err(|_| Self::EXPECTED)?;
        let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
        // The fraction of a protobuf Timestamp is positive also before 1970.
        let (seconds, nanos) =
            if nanos < 0 { (seconds - 1, nanos + 1_000_000_000) } else { (seconds, nanos) };
        if seconds < YEAR_1 { Err(Self::EXPECTED) } else { Ok(Self { seconds, nanos }) }
    }
}

/// Seconds with the suffix `s`: `1.5s`.
impl ToJson for Duration {
    fn write(&self, out: &mut Vec<u8>) {
        let sign = if self.seconds < 0 || self.nanos < 0 { "-" } else { "" };
        let fraction = format!("{:09}", self.nanos.unsigned_abs());
        let (dot, fraction) = match fraction.trim_end_matches('0') {
            "" => ("", ""),
            fraction => (".", fraction),
        };
        leaf(out, &format_args!("{sign}{}{dot}{fraction}s", self.seconds.unsigned_abs()));
    }
}

impl Scalar for Duration {
    const EXPECTED: Problem = "must be a number of seconds with the suffix `s`";

    fn from_text(text: &str) -> Result<Self, Problem> {
        let parse = || {
            let number = text.strip_suffix('s')?;
            let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
            let (seconds, fraction) = number.split_once('.').unwrap_or((number, ""));
            let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if seconds.is_empty() || !is_digits(seconds) || !is_digits(fraction) || fraction.len() > 9 {
                return None;
            }
            let (seconds, nanos): (i64, i32) =
                (seconds.parse().ok()?, format!("{fraction:0<9}").parse().ok()?);
            Some(Self { seconds: i64::from(sign) * seconds, nanos: sign * nanos })
        };
        parse().ok_or(Self::EXPECTED)
    }
}

/// Paths joined by commas, in the proto's spelling.
impl ToJson for FieldMask {
    fn write(&self, out: &mut Vec<u8>) {
        leaf(out, &self.paths.join(","));
    }
}

/// Either spelling.
impl Scalar for FieldMask {
    const EXPECTED: Problem = "must be field names joined by commas";

    fn from_text(text: &str) -> Result<Self, Problem> {
        let is_path =
            |path: &str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
        let paths = paths.map(|path| is_path(path).then(|| snake_case(path)));
        paths.collect::<Option<_>>().map(|paths| Self { paths }).ok_or(Self::EXPECTED)
    }
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}
