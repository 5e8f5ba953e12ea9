//! The roles of members.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The capabilities of a member with a login token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Those of an admin, and managing owners.
    Owner,
    /// Read, send, manage.
    Admin,
    /// Read and send.
    Member,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// The name of the role in the database, in tokens and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    pub(super) fn expected() -> Error {
        Error::invalid("role", "must be owner, admin or member")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(Self::expected)
    }
}
