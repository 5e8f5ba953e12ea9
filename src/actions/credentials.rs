//! The credential of a caller, in writes whose effect outlives it.
//!
//! The check of requests is a few seconds old. What was revoked or demoted meanwhile must not live on in a key, a webhook, a
//! member or a connection.

use crate::caller::{Caller, Capability, Principal, Role, capability_name};
use crate::error::{Error, Kind};
use crate::instant::Instant;
use crate::store::keys::{self, KeyRow};
use crate::store::{Connection, StoreResult, logins, members};

/// A credential that is accepted in the transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential {
    /// When the api-key expires; `None` for never, and for logins.
    pub(super) expires_at: Option<Instant>,
    /// Whether the caller may add, change and remove owners.
    pub(super) manages_owners: bool,
}

impl Credential {
    /// That of an operator at the command line, without limits.
    pub(super) const OPERATOR: Self = Self { expires_at: None, manages_owners: true };
}

/// Checks the caller's credential, and locks it, so that revoking it waits for this transaction.
///
/// # Errors
///
/// UNAUTHENTICATED when it is no longer accepted, PERMISSION_DENIED when the member's role does not manage any more.
pub(super) fn recheck(connection: &mut Connection, caller: &Caller) -> StoreResult<Credential> {
    let org = caller.org;
    let (is_valid, expires_at) = match (&caller.principal, &caller.member) {
        (Principal::ApiKey(id), _) => {
            let key = keys::lock(connection, org, id)?.filter(is_active);
            (key.is_some(), key.and_then(|key| key.expires_at))
        }
        (Principal::Member(_), Some(member)) => {
            (!members::lock_existing(connection, org, &[member])?.is_empty(), None)
        }
        (Principal::Member(_), None) => (true, None),
    };
    let login = logins::find(connection, org, caller.member.as_deref().unwrap_or_default())?;
    let is_login = matches!(caller.principal, Principal::Member(_));
    let login = login.filter(|login| {
        is_valid && login.org_disabled_at.is_none() && !(is_login && login.is_revoked(caller.issued_at))
    });
    let lost = || Error::new(Kind::Unauthenticated, "the token is no longer accepted");
    let role = login.ok_or_else(lost)?.role.map(|role| role.parse::<Role>()).transpose()?;
    match role {
        Some(Role::Member) => Err(Error::forbidden(capability_name(Capability::Manage)).into()),
        Some(Role::Admin) => Ok(Credential { expires_at, manages_owners: false }),
        Some(Role::Owner) | None => Ok(Credential { expires_at, manages_owners: caller.manages_owners }),
    }
}

fn is_active(key: &KeyRow) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > Instant::now())
}
