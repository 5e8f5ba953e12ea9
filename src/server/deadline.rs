//! How long a call may take: what the client asks for in `grpc-timeout`, but never more than the service allows.

use std::time::Duration;

use http::HeaderMap;

/// The shorter of the client's limit and ours. A header that is not one is ignored, as gRPC servers do.
pub fn limit(headers: &HeaderMap, ours: Duration) -> Duration {
    let asked = headers.get("grpc-timeout").and_then(|value| parse(value.as_bytes()));
    asked.map_or(ours, |asked| asked.min(ours))
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

    fn limit_of(value: &'static str) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", HeaderValue::from_static(value));
        limit(&headers, OURS)
    }

    #[test]
    fn the_shorter_limit_wins() {
        assert_eq!(limit_of("250m"), Duration::from_millis(250));
        assert_eq!(limit_of("3S"), Duration::from_secs(3));
        assert_eq!(limit_of("99999999H"), OURS);
        assert_eq!(limit(&HeaderMap::new(), OURS), OURS);
    }

    #[test]
    fn what_is_no_timeout_is_ignored() {
        for value in ["", "S", "5", "-1S", "1.5S", "123456789S", "5s", "5 S"] {
            assert_eq!(limit_of(value), OURS, "{value}");
        }
    }
}
