//! The roles of members.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The role of a member. Later ones may do more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read and send, in the chats that are not hidden from the member.
    Member,
    /// Read, send and manage, in all chats.
    Admin,
    /// The same, and managing owners.
    Owner,
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

    /// The error about text that is not a role.
    pub fn expected() -> Error {
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
