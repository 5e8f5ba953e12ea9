//! Durations and sizes as people write them.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
const SIZE_UNITS: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Parses a whole number and a unit: `ms`, `s`, `m`, `h`, `d` or `w`.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let millis = scaled(text, &DURATION_UNITS);
    millis.map(Duration::from_millis).ok_or("must be a duration such as 500ms, 5s, 2h or 90d")
}

/// Parses a number of bytes, or a whole number and `KiB`, `MiB` or `GiB`; at least one byte.
pub fn bytes(text: &str) -> Result<usize, &'static str> {
    let bytes = scaled(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.filter(|bytes| *bytes > 0).ok_or("must be a number of bytes such as 65536, 64KiB or 1MiB")
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_requires_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("90d"), Ok(Duration::from_secs(90 * 86_400)));
        for bad in
            ["", "5", "s", "-5s", "5 s", "1.5h", "5S", "99999999999999999999w", "18446744073709551615w"]
        {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn size_without_a_unit_is_bytes() {
        assert_eq!(bytes("65536"), Ok(65_536));
        assert_eq!(bytes("1MiB"), Ok(1_048_576));
        for bad in ["", "0", "MiB", "1MB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
    }
}
