//! Creating, listing, disabling and enabling organizations, and revoking their logins.

use super::name;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
pub use crate::store::orgs::OrgRow;
use crate::store::{Connection, Store, StoreResult, orgs};

/// Creates an organization with this id or a random one.
///
/// # Errors
///
/// When the name is invalid, or an organization with this id exists.
pub async fn create(store: &Store, id: Option<OrgId>, name: &str) -> Result<OrgId> {
    let id = id.unwrap_or_else(OrgId::generate);
    let name = name::checked("name", name)?;
    let created = store.write(id, move |connection| orgs::insert(connection, id, &name)).await?;
    if created { Ok(id) } else { Err(Error::new(Kind::Conflict, "an organization with this id exists")) }
}

/// All organizations, oldest first.
pub async fn list(store: &Store) -> Result<Vec<OrgRow>> {
    store.read(orgs::list).await
}

/// Disables or enables an organization. All instances apply it within 5 seconds.
pub async fn set_disabled(store: &Store, id: OrgId, disabled: bool) -> Result<()> {
    let found = store.write(id, move |connection| orgs::set_disabled(connection, id, disabled)).await?;
    found_or_error(found)
}

/// Rejects all login tokens that were issued until now. All instances apply it within 5 seconds.
pub async fn revoke_logins(store: &Store, id: OrgId) -> Result<()> {
    let now = Instant::now();
    let found = store.write(id, move |connection| orgs::set_logins_not_before(connection, id, now)).await?;
    found_or_error(found)
}

/// Rejects an organization that does not exist.
pub async fn require(store: &Store, id: OrgId) -> Result<()> {
    store.read(move |connection| check_exists(connection, id)).await
}

/// The same as [`require`] in a transaction.
pub(super) fn check_exists(connection: &mut Connection, id: OrgId) -> StoreResult<()> {
    Ok(found_or_error(orgs::exists(connection, id)?)?)
}

/// Locks the organization against concurrent changes of its members, and of which connection has an account.
pub(super) fn lock(connection: &mut Connection, id: OrgId) -> StoreResult<()> {
    Ok(found_or_error(orgs::lock(connection, id)?)?)
}

fn found_or_error(found: bool) -> Result<()> {
    if found { Ok(()) } else { Err(Error::not_found("organization not found")) }
}
