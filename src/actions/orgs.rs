//! Creating, listing, disabling and enabling organizations.

use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
pub use crate::store::orgs::OrgRow;
use crate::store::{Connection, Store, StoreResult};

use super::name;

/// Creates an organization, with that id or a new one.
///
/// # Errors
///
/// When the name is not one, when an organization with that id exists.
pub async fn create(store: &Store, id: Option<OrgId>, name: &str) -> Result<OrgId> {
    let id = id.unwrap_or_else(OrgId::generate);
    let name = name::checked("name", name)?;
    let created =
        store.write(id, move |connection| crate::store::orgs::insert(connection, id, &name)).await?;
    if created { Ok(id) } else { Err(Error::new(Kind::Conflict, "an organization with this id exists")) }
}

/// All organizations, oldest first.
pub async fn list(store: &Store) -> Result<Vec<OrgRow>> {
    store.read(crate::store::orgs::list).await
}

/// Disables or enables an organization; everywhere within 5 seconds. Saying it again changes nothing.
pub async fn set_disabled(store: &Store, id: OrgId, disabled: bool) -> Result<()> {
    let write = move |connection: &mut _| crate::store::orgs::set_disabled(connection, id, disabled);
    if store.write(id, write).await? { Ok(()) } else { Err(not_found()) }
}

/// Refuses an organization that does not exist.
pub async fn require(store: &Store, id: OrgId) -> Result<()> {
    let exists = store.read(move |connection| crate::store::orgs::exists(connection, id)).await?;
    if exists { Ok(()) } else { Err(not_found()) }
}

/// Makes everyone else who changes who belongs to the organization, and as what, wait until the transaction ends.
pub(super) fn lock(connection: &mut Connection, id: OrgId) -> StoreResult<()> {
    Ok(if crate::store::orgs::lock(connection, id)? { Ok(()) } else { Err(not_found()) }?)
}

pub(super) fn not_found() -> Error {
    Error::not_found("organization not found")
}
