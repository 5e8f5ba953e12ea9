//! Deadlines: the client's `grpc-timeout`, capped by the request timeout.

use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::deadline::Deadlines;

/// The deadlines of a request that begins now.
/// As in other gRPC servers, an invalid header is ignored.
pub fn of(headers: &HeaderMap, request_timeout: Duration) -> Deadlines {
    let begun = Instant::now();
    let timeout = headers.get("grpc-timeout").and_then(|value| parse(value.as_bytes()));
    let asked = timeout.and_then(|timeout| begun.checked_add(timeout));
    let answer = begun + request_timeout;
    Deadlines { answer: asked.map_or(answer, |asked| asked.min(answer)), client: asked }
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

    const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

    /// The client's timeout in seconds, and whether it is the deadline of the response.
    fn asked(value: &'static str) -> Option<(u64, bool)> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_static(value));
        let before = Instant::now();
        let deadlines = of(&headers, REQUEST_TIMEOUT);
        // The two moments are less than a second apart.
        deadlines.client.map(|asked| ((asked - before).as_secs(), asked == deadlines.answer))
    }

    #[test]
    fn shorter_timeout_applies() {
        assert_eq!(asked("3500m"), Some((3, true)));
        assert_eq!(asked("3S"), Some((3, true)));
        assert_eq!(asked("99999999H"), Some((359_999_996_400, false)));
        assert!(of(&HeaderMap::new(), REQUEST_TIMEOUT).client.is_none());
    }

    #[test]
    fn invalid_timeout_is_ignored() {
        for value in ["", "S", "5", "-1S", "1.5S", "123456789S", "5s", "5 S"] {
            assert_eq!(asked(value), None, "{value}");
        }
    }
}
