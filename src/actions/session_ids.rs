//! Lists of session ids that limit an api-key or a webhook; `None` means all sessions.

use crate::error::{Error, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::keys::count_sessions;
use crate::store::{Connection, StoreResult};

/// The ids sorted, without duplicates.
pub(super) fn sorted(mut sessions: Vec<SessionId>) -> Vec<SessionId> {
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}

/// Whether `allowed` contains all `sessions`.
pub(super) fn is_subset(sessions: Option<&[SessionId]>, allowed: Option<&[SessionId]>) -> bool {
    let Some(allowed) = allowed else { return true };
    sessions.is_some_and(|sessions| sessions.iter().all(|session| allowed.contains(session)))
}

/// Rejects sessions that are not in `allowed`.
pub(super) fn check_allowed(sessions: Option<&[SessionId]>, allowed: Option<&[SessionId]>) -> Result<()> {
    if is_subset(sessions, allowed) { Ok(()) } else { Err(not_allowed()) }
}

/// Rejects sessions that the organization does not have. The ids must be distinct.
pub(super) fn check_exist(
    connection: &mut Connection,
    org: OrgId,
    sessions: Option<&[SessionId]>,
) -> StoreResult<()> {
    let Some(sessions) = sessions else { return Ok(()) };
    let count = count_sessions(connection, org, sessions)?;
    if usize::try_from(count) == Ok(sessions.len()) { Ok(()) } else { Err(not_allowed().into()) }
}

fn not_allowed() -> Error {
    Error::invalid("session_ids", "must be sessions that the caller may access")
}
