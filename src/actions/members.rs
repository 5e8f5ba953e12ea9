//! Adding, listing and removing the members of an organization.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::ids::OrgId;
use crate::store::Store;
pub use crate::store::members::MemberRow;
use crate::store::members::{MemberChanges, NewMemberRow};
use crate::text_key::text_key;

use super::{name, orgs};

/// The longest email, in characters (RFC 5321, section 4.5.3.1.3, less the brackets).
const MAX_EMAIL: usize = 254;

/// What a member may do with a login token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything an admin may.
    Owner,
    /// Read, send, manage.
    Admin,
    /// Read and send.
    Member,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// The word for the role in the database, in tokens and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
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
        found.ok_or_else(|| Error::invalid("role", "must be owner, admin or member"))
    }
}

/// A member to add. What is `None` stays as it is when the member exists; a new one gets no name and `member`.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The email; one that differs in case only is the same member.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// What the member may do.
    pub role: Option<Role>,
}

/// Adds a member, or updates the one with that email.
///
/// # Errors
///
/// When the email or the name is not one, when the organization does not exist.
pub async fn add(store: &Store, org: OrgId, new: NewMember) -> Result<()> {
    let email = new.email.trim().to_owned();
    if !is_email(&email) {
        return Err(Error::invalid("email", "must be an email address"));
    }
    let changes = MemberChanges {
        name: new.name.as_deref().map(|name| name::checked("name", name)).transpose()?,
        role: new.role.map(Role::as_str),
    };
    let row = NewMemberRow {
        member_key: text_key(&email),
        email,
        name: changes.name.clone(),
        role: changes.role.unwrap_or(Role::Member.as_str()),
    };
    let write = move |connection: &mut _| {
        if !crate::store::orgs::exists(connection, org)? {
            return Err(orgs::not_found().into());
        }
        crate::store::members::upsert(connection, org, &row, &changes)
    };
    store.write(org, write).await
}

/// The organization's members, by email.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<MemberRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| crate::store::members::list(connection, org)).await
}

/// Removes the member with that email. Chats assigned to it become unassigned.
pub async fn remove(store: &Store, org: OrgId, email: &str) -> Result<()> {
    let key = text_key(email.trim());
    let write = move |connection: &mut _| crate::store::members::delete(connection, org, &key);
    if store.write(org, write).await? { Ok(()) } else { Err(Error::not_found("member not found")) }
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    let has_parts =
        parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    has_parts
        && text.chars().count() <= MAX_EMAIL
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_email_is_refused() {
        assert!(is_email("asha@acme.example"));
        for bad in ["", "asha", "@acme.example", "asha@", "a@b@c", "a b@acme.example", "a\u{0}@acme.example"]
        {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
