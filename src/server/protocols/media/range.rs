//! The header `Range` (RFC 9110, section 14).

use std::ops::Range;

/// The bytes that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Requested {
    /// All of them: also when several ranges are requested, or something that is no range.
    All,
    /// From the start of the range to before its end.
    Part(Range<u64>),
    /// None that exist.
    Unsatisfiable,
}

/// The bytes that the header asks for, of that many.
pub fn parse(header: &str, size: u64) -> Requested {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Requested::All;
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(last)) if first.is_empty() => size.saturating_sub(last)..size,
        _ => return Requested::All,
    };
    if range.start < range.end { Requested::Part(range) } else { Requested::Unsatisfiable }
}

/// A number of digits alone; a larger one than fits is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_of_the_bytes() {
        for (header, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=2-", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("bytes=9-99999999999999999999", 9..10),
        ] {
            assert_eq!(parse(header, 10), Requested::Part(range), "{header}");
        }
        for header in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert_eq!(parse(header, 10), Requested::Unsatisfiable, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Requested::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_range_asks_for_all_bytes() {
        for header in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"]
        {
            assert_eq!(parse(header, 10), Requested::All, "{header}");
        }
    }
}
