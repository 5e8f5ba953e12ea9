//! Adding, changing, listing and removing the members of an organization.

mod role;

pub use role::Role;

use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::patch::Patch;
pub use crate::store::members::MemberRow;
use crate::store::members::{self, MemberChanges, NewMemberRow};
use crate::store::{Connection, Store, StoreResult};
use crate::text_key::text_key;

use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use super::{Precondition, name, orgs};

/// The longest email, in characters (RFC 5321, section 4.5.3.1.3, less the brackets).
const MAX_EMAIL: usize = 254;

/// A member to add.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The email; one that differs in case only is the same member.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// What the member may do; a `member` when not said.
    pub role: Option<Role>,
}

/// What changes of a member.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    /// The person's name.
    pub name: Patch<String>,
    /// What the member may do; it cannot be cleared.
    pub role: Patch<Role>,
}

/// Who changes the members of which organization.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    org: OrgId,
    manages_owners: bool,
}

impl Manager {
    /// An operator at the command line, who may do everything.
    pub const fn operator(org: OrgId) -> Self {
        Self { org, manages_owners: true }
    }

    fn check_owners(self) -> Result<()> {
        if self.manages_owners {
            return Ok(());
        }
        Err(Error::new(Kind::Forbidden, "only an owner may add, change or remove owners"))
    }
}

impl From<&Caller> for Manager {
    fn from(caller: &Caller) -> Self {
        Self { org: caller.org, manages_owners: caller.manages_owners }
    }
}

/// Adds a member.
///
/// # Errors
///
/// When the email or the name is not one, when there is a member with that email.
pub async fn add<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    new: NewMember,
    once: IdempotentWrite<MemberRow, R>,
) -> Result<R> {
    let row = validated(manager, new)?;
    let org = manager.org;
    let write = move |connection: &mut _| Ok(members::insert(connection, org, &row)?.ok_or_else(taken)?);
    once.write(store, org, write).await
}

/// Adds a member, or gives the one with that email the name and role that are said.
///
/// # Errors
///
/// As [`add`] and [`update`], but for a member that exists; when the organization does not exist.
pub async fn add_or_update(store: &Store, manager: Manager, new: NewMember) -> Result<()> {
    let change = checked(MemberChange {
        name: new.name.clone().map_or(Patch::Keep, Patch::Set),
        role: new.role.map_or(Patch::Keep, Patch::Set),
    })?;
    let row = validated(manager, new)?;
    let org = manager.org;
    let write = move |connection: &mut _| {
        orgs::lock(connection, org)?;
        if members::insert(connection, org, &row)?.is_none() {
            change_one(connection, manager, &row.member_key, &change, &Precondition::NONE)?;
        }
        Ok(())
    };
    store.write(org, write).await
}

/// The organization's members, by email.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<MemberRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| members::list(connection, org)).await
}

/// A page of the organization's members, by email.
pub async fn page(
    store: &Store,
    cursors: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<MemberRow>> {
    let (size, scope) = (page::size(limit), Scope::of("members"));
    let after: String = page::after(cursor, (cursors, org, &scope))?;
    let rows = store.read(move |connection| members::page(connection, org, &after, size + 1)).await?;
    page::cut(rows, size, |row| text_key(&row.email), (cursors, org, &scope))
}

/// Changes the member with that email and answers it. A change of nothing is no error.
///
/// # Errors
///
/// When the organization would be without an owner, when someone else than an owner makes or unmakes one.
pub async fn update<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    email: &str,
    change: MemberChange,
    precondition: Precondition<MemberRow>,
    once: IdempotentWrite<MemberRow, R>,
) -> Result<R> {
    let key = key_of(email)?;
    let change = checked(change)?;
    let write = move |connection: &mut _| {
        orgs::lock(connection, manager.org)?;
        change_one(connection, manager, &key, &change, &precondition)
    };
    once.write(store, manager.org, write).await
}

/// Removes the member with that email. Chats assigned to it become unassigned.
///
/// # Errors
///
/// When it is the last owner, when someone else than an owner removes one.
pub async fn remove<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    email: &str,
    precondition: Precondition<MemberRow>,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    let key = key_of(email)?;
    let org = manager.org;
    let write = move |connection: &mut _| {
        orgs::lock(connection, org)?;
        let member = members::lock(connection, org, &key)?.ok_or_else(not_found)?;
        precondition.check(&member)?;
        if is_owner(&member) {
            check_owner_stays(connection, manager, &key)?;
        }
        members::delete(connection, org, &key)
    };
    once.write(store, org, write).await
}

/// Changes a member. The organization is locked, so that two owners cannot both be the other one that stays.
fn change_one(
    connection: &mut Connection,
    manager: Manager,
    key: &str,
    change: &MemberChanges,
    precondition: &Precondition<MemberRow>,
) -> StoreResult<MemberRow> {
    let member = members::lock(connection, manager.org, key)?.ok_or_else(not_found)?;
    precondition.check(&member)?;
    let role = change.role.unwrap_or(&member.role);
    if role != member.role && is_owner(&member) {
        check_owner_stays(connection, manager, key)?;
    } else if role != member.role && role == Role::Owner.as_str() {
        manager.check_owners()?;
    }
    if change.name.is_none() && change.role.is_none() {
        return Ok(member);
    }
    members::update(connection, manager.org, key, change)
}

/// Whether that owner may cease to be one.
fn check_owner_stays(connection: &mut Connection, manager: Manager, key: &str) -> StoreResult<()> {
    manager.check_owners()?;
    if members::has_other_owner(connection, manager.org, key)? {
        return Ok(());
    }
    Err(Error::new(Kind::FailedPrecondition, "the organization must keep an owner").into())
}

fn is_owner(member: &MemberRow) -> bool {
    member.role == Role::Owner.as_str()
}

fn validated(manager: Manager, new: NewMember) -> Result<NewMemberRow> {
    if new.role == Some(Role::Owner) {
        manager.check_owners()?;
    }
    checked_new(new)
}

/// A member to add, if its email and name are such. Whether it may be added is another question.
pub(super) fn checked_new(new: NewMember) -> Result<NewMemberRow> {
    let member_key = key_of(&new.email)?;
    let name = new.name.as_deref().map(|name| name::checked("name", name)).transpose()?;
    let role = new.role.unwrap_or(Role::Member).as_str();
    Ok(NewMemberRow { member_key, email: new.email.trim().to_owned(), name, role })
}

fn checked(change: MemberChange) -> Result<MemberChanges> {
    let name = change.name.try_map(|name| name::checked("name", &name))?.into_changeset();
    let role = match change.role {
        Patch::Keep => None,
        Patch::Clear => return Err(Role::expected()),
        Patch::Set(role) => Some(role.as_str()),
    };
    Ok(MemberChanges { name, role })
}

/// The form in which an email is compared.
fn key_of(email: &str) -> Result<String> {
    let email = email.trim();
    if is_email(email) {
        Ok(text_key(email))
    } else {
        Err(Error::invalid("email", "must be an email address"))
    }
}

fn taken() -> Error {
    Error::new(Kind::Conflict, "the organization has a member with this email already")
}

fn not_found() -> Error {
    Error::not_found("member not found")
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
