//! Session ids.

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use super::invalid_id::InvalidId;
use crate::instant::Instant;

/// The id of a session: a ULID in its canonical upper-case spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Ulid);

impl SessionId {
    /// A new id; later ids sort after earlier ones.
    pub fn generate() -> Self {
        let now = u64::try_from(Instant::now().millis()).unwrap_or_default();
        Self(Ulid::from_parts(now, rand::random()))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // 26 characters have two bits more than a ULID, and the parser ignores overflowing bits.
        let fits = text.starts_with(|first: char| ('0'..='7').contains(&first));
        let ulid = Ulid::from_string(text).ok().filter(|_| fits);
        ulid.map(Self).ok_or(InvalidId("must be a session id, a ULID"))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn id_above_128_bits_is_invalid() {
        assert!("7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<SessionId>().is_ok());
        for overflowing in ["81KAN0000000000000000DEM01", "Z1J9ZX8K2QHV0M3T6R7P4N5W8C"] {
            assert!(overflowing.parse::<SessionId>().is_err(), "{overflowing}");
        }
    }

    #[test]
    fn later_id_sorts_after_earlier_one() {
        let earlier = SessionId::generate();
        let then = Instant::now().millis();
        while Instant::now().millis() == then {
            std::thread::yield_now();
        }
        assert!(SessionId::generate() > earlier);
    }

    proptest! {
        #[test]
        fn parsed_id_prints_in_upper_case(text in "[0-9A-Za-z]{26}|[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_uppercase());
            }
        }
    }
}
