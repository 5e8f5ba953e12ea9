//! How long a call may take: what the client asks for in `grpc-timeout`, but never more than the service allows.

use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::deadline::Deadlines;

/// The deadlines of a call that begins now: it is answered within the shorter of the client's limit and ours. A header
/// that is not one is ignored, as gRPC servers do.
pub fn of(headers: &HeaderMap, ours: Duration) -> Deadlines {
    let begun = Instant::now();
    let limit = headers.get("grpc-timeout").and_then(|value| parse(value.as_bytes()));
    let asked = limit.and_then(|limit| begun.checked_add(limit));
    let answer = begun + ours;
    Deadlines { answer: asked.map_or(answer, |asked| asked.min(answer)), asked }
}

/// At most eight digits and a unit, as in gRPC's "PROTOCOL-HTTP2.md".
fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount = digits.iter().fold(0, |amount, digit| amount * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(amount * 3600)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OURS: Duration = Duration::from_secs(10);

    /// What the client asked for, in seconds, and whether that is when the call must be answered.
    fn asked(value: &'static str) -> Option<(u64, bool)> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_static(value));
        let before = Instant::now();
        let deadlines = of(&headers, OURS);
        // What passes between the two moments is less than a second.
        deadlines.asked.map(|asked| ((asked - before).as_secs(), asked == deadlines.answer))
    }

    #[test]
    fn the_shorter_limit_wins() {
        assert_eq!(asked("3500m"), Some((3, true)));
        assert_eq!(asked("3S"), Some((3, true)));
        assert_eq!(asked("99999999H"), Some((359_999_996_400, false)));
        assert!(of(&HeaderMap::new(), OURS).asked.is_none());
    }

    #[test]
    fn what_is_no_timeout_is_ignored() {
        for value in ["", "S", "5", "-1S", "1.5S", "123456789S", "5s", "5 S"] {
            assert_eq!(asked(value), None, "{value}");
        }
    }
}
