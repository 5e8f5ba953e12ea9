//! The members of an organization.

use std::sync::Arc;

use super::credentials::{self, Credential};
use super::idempotency::IdempotentWrite;
use super::page::{CursorList, Page};
use super::{Precondition, name, orgs};
use crate::caller::Caller;
pub use crate::caller::Role;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::patch::Patch;
pub use crate::store::members::MemberRow;
use crate::store::members::{self, MemberChanges, NewMemberRow};
use crate::store::{Connection, Store, StoreResult, Transaction};
use crate::text_key::text_key;

/// The longest email in characters (RFC 5321, section 4.5.3.1.3, less brackets).
const MAX_EMAIL: usize = 254;

/// A member to add.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The email; emails that differ only in case are equal.
    pub email: String,
    /// The person's name.
    pub name: Option<String>,
    /// The role; `member` when `None`.
    pub role: Option<Role>,
}

/// A change of a member.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    /// The person's name.
    pub name: Patch<String>,
    /// The role; it cannot be cleared.
    pub role: Patch<Role>,
}

/// The organization whose members change, and who changes them.
#[derive(Clone, Debug)]
pub struct Manager {
    org: OrgId,
    /// `None` for an operator.
    caller: Option<Arc<Caller>>,
}

impl Manager {
    /// An operator at the command line, without limits.
    pub const fn operator(org: OrgId) -> Self {
        Self { org, caller: None }
    }

    /// What the manager may do in the transaction.
    fn permissions(&self, connection: &mut Connection) -> StoreResult<Permissions> {
        let credential = match &self.caller {
            Some(caller) => credentials::recheck(connection, caller)?,
            None => Credential::OPERATOR,
        };
        Ok(Permissions { org: self.org, manages_owners: credential.manages_owners })
    }
}

impl From<Arc<Caller>> for Manager {
    fn from(caller: Arc<Caller>) -> Self {
        Self { org: caller.org, caller: Some(caller) }
    }
}

/// What a manager may do in the organization.
#[derive(Clone, Copy, Debug)]
struct Permissions {
    org: OrgId,
    manages_owners: bool,
}

impl Permissions {
    fn check_owners(self) -> Result<()> {
        if self.manages_owners {
            return Ok(());
        }
        Err(Error::new(Kind::Forbidden, "only an owner may add, change or remove owners"))
    }

    fn check_new(self, new: &NewMemberRow) -> Result<()> {
        if new.role == Role::Owner.as_str() { self.check_owners() } else { Ok(()) }
    }
}

/// Adds a member.
///
/// # Errors
///
/// When the email or the name is invalid, or a member with this email exists.
pub async fn add<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    new: NewMember,
    idempotent: IdempotentWrite<MemberRow, R>,
) -> Result<R> {
    let row = checked_new(new)?;
    let org = manager.org;
    let write = move |tx: &mut Transaction<'_>| {
        manager.permissions(tx)?.check_new(&row)?;
        Ok(members::insert(tx, org, &row)?.ok_or_else(taken)?)
    };
    idempotent.write(store, org, write).await
}

/// Adds a member, or updates the name and role of the member with this email.
///
/// # Errors
///
/// Those of [`add`] and [`update`], except for an existing member; when the organization does not exist.
pub async fn add_or_update(store: &Store, manager: Manager, new: NewMember) -> Result<()> {
    let change = checked(MemberChange {
        name: new.name.clone().map_or(Patch::Keep, Patch::Set),
        role: new.role.map_or(Patch::Keep, Patch::Set),
    })?;
    let row = checked_new(new)?;
    let org = manager.org;
    let write = move |tx: &mut Transaction<'_>| {
        orgs::lock(tx, org)?;
        let permissions = manager.permissions(tx)?;
        permissions.check_new(&row)?;
        if members::insert(tx, org, &row)?.is_none() {
            change_one(tx, permissions, &row.member_key, &change, &Precondition::NONE)?;
        }
        Ok(())
    };
    store.write(org, write).await
}

/// All members of the organization, by email.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<MemberRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| members::list(connection, org)).await
}

/// A page of the organization's members, by email.
pub async fn page(
    store: &Store,
    keys: &SigningKeys,
    org: OrgId,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<MemberRow>> {
    let list = CursorList { store, keys, org, scope: Scope::of("members") };
    let read = move |connection: &mut Connection, after: Option<String>, limit| {
        members::page(connection, org, &after.unwrap_or_default(), limit)
    };
    list.page(limit, cursor, |row: &MemberRow| text_key(&row.email), read).await
}

/// Changes the member with this email, and returns it. An empty change succeeds.
///
/// # Errors
///
/// When the last owner would lose the role, or the manager may not change owners.
pub async fn update<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    email: &str,
    change: MemberChange,
    precondition: Precondition<MemberRow>,
    idempotent: IdempotentWrite<MemberRow, R>,
) -> Result<R> {
    let key = key_of(email)?;
    let change = checked(change)?;
    let org = manager.org;
    let write = move |tx: &mut Transaction<'_>| {
        orgs::lock(tx, org)?;
        let permissions = manager.permissions(tx)?;
        change_one(tx, permissions, &key, &change, &precondition)
    };
    idempotent.write(store, org, write).await
}

/// Removes the member with this email, and unassigns the chats assigned to it.
///
/// # Errors
///
/// When it is the last owner, or the manager may not remove owners.
pub async fn remove<R: Send + 'static>(
    store: &Store,
    manager: Manager,
    email: &str,
    precondition: Precondition<MemberRow>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    let key = key_of(email)?;
    let org = manager.org;
    let write = move |tx: &mut Transaction<'_>| {
        orgs::lock(tx, org)?;
        let permissions = manager.permissions(tx)?;
        let member = lock(tx, org, &key, &precondition)?;
        if is_owner(&member) {
            check_owner_stays(tx, permissions, &key)?;
        }
        members::delete(tx, &key, &member.email)
    };
    idempotent.write(store, org, write).await
}

/// Changes a member. The organization must be locked.
/// Otherwise two owners could remove each other concurrently.
fn change_one(
    connection: &mut Connection,
    permissions: Permissions,
    key: &str,
    change: &MemberChanges,
    precondition: &Precondition<MemberRow>,
) -> StoreResult<MemberRow> {
    let member = lock(connection, permissions.org, key, precondition)?;
    let role = change.role.unwrap_or(&member.role);
    if role != member.role && is_owner(&member) {
        check_owner_stays(connection, permissions, key)?;
    } else if role != member.role && role == Role::Owner.as_str() {
        permissions.check_owners()?;
    }
    if change.name.is_none() && change.role.is_none() {
        return Ok(member);
    }
    members::update(connection, permissions.org, key, change)
}

/// Checks that this owner may lose the role.
fn check_owner_stays(connection: &mut Connection, permissions: Permissions, key: &str) -> StoreResult<()> {
    permissions.check_owners()?;
    if members::has_other_owner(connection, permissions.org, key)? {
        return Ok(());
    }
    Err(Error::new(Kind::FailedPrecondition, "the organization must keep an owner").into())
}

fn is_owner(member: &MemberRow) -> bool {
    member.role == Role::Owner.as_str()
}

/// Validates a member to add. Permissions are not checked.
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

/// The form of an email in which it is compared.
pub fn key_of(email: &str) -> Result<String> {
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

/// Locks the member, and checks the precondition.
fn lock(
    connection: &mut Connection,
    org: OrgId,
    key: &str,
    precondition: &Precondition<MemberRow>,
) -> StoreResult<MemberRow> {
    let member = members::lock(connection, org, key)?.ok_or_else(|| Error::not_found("member not found"))?;
    precondition.check(&member)?;
    Ok(member)
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    let has_parts =
        parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    has_parts
        && text.chars().count() <= MAX_EMAIL
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',')
}
