//! Sessions.

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use super::InvalidId;

/// A session: a ULID in its canonical upper-case spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Ulid);

impl SessionId {
    /// A new id; later ones sort after earlier ones.
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Ulid::from_string(text).map(Self).map_err(|_| InvalidId("must be a session id, a ULID"))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
