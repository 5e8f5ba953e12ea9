//! Sessions.

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use super::InvalidId;
use crate::instant::Instant;

/// A session: a ULID in its canonical upper-case spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Ulid);

impl SessionId {
    /// A new id; later ones sort after earlier ones.
    pub fn generate() -> Self {
        let now = u64::try_from(Instant::now().millis()).unwrap_or_default();
        Self(Ulid::from_parts(now, rand::random()))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // 26 characters have room for two bits more than an id has, and the parser drops what overflows.
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
    fn an_id_begins_with_7_at_most() {
        assert!("7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<SessionId>().is_ok());
        for overflowing in ["81KAN0000000000000000DEM01", "Z1J9ZX8K2QHV0M3T6R7P4N5W8C"] {
            assert!(overflowing.parse::<SessionId>().is_err(), "{overflowing}");
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let earlier = SessionId::generate();
        let then = Instant::now().millis();
        while Instant::now().millis() == then {
            std::thread::yield_now();
        }
        assert!(SessionId::generate() > earlier);
    }

    proptest! {
        #[test]
        fn what_parses_prints_as_it_was(text in "[0-9A-Za-z]{26}|[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text.to_ascii_uppercase());
            }
        }
    }
}
