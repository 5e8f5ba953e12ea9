//! What a webhook may be, who may see it, and what its secret is.

use crate::actions::audit::check_kind;
use crate::caller::{Caller, Capability, capability_name};
use crate::config::Secret;
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::keys::count_sessions;
use crate::store::webhooks::WebhookRow;
use crate::store::{Connection, StoreResult};

/// Before what a secret is, so that it can be told from other texts.
const SECRET_PREFIX: &str = "whsec_";

/// What makes one secret of a webhook another one than the next.
pub(super) fn salt() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

/// The webhook's secret, while the key that it is made of is there.
pub(super) fn secret(keys: &SigningKeys, org: OrgId, row: &WebhookRow) -> Option<Secret> {
    let parts: [&[u8]; 4] =
        [b"webhook", org.as_uuid().as_bytes(), row.webhook_id.as_str().as_bytes(), &row.salt];
    let bytes = keys.secret(&row.key_id, &parts)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Secret::new(format!("{SECRET_PREFIX}{digits}")))
}

/// Nobody is told through a webhook what they may not read.
pub(super) fn check_reader(caller: &Caller) -> Result<()> {
    match caller.capabilities.contains(Capability::Read) {
        true => Ok(()),
        false => Err(Error::forbidden(capability_name(Capability::Read))),
    }
}

pub(super) fn checked_kinds(mut kinds: Vec<String>) -> Result<Vec<String>> {
    for kind in &kinds {
        check_kind("actions", Some(kind))?;
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// Sessions that the caller reaches, each once; `None` when none are named.
pub(super) fn checked_sessions(
    caller: &Caller,
    sessions: Option<Vec<SessionId>>,
) -> Result<Option<Vec<SessionId>>> {
    let sessions = sessions.filter(|sessions| !sessions.is_empty()).map(|mut sessions| {
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    });
    let is_within =
        caller.sessions.as_deref().is_none_or(|reachable| is_within(sessions.as_deref(), reachable));
    if is_within { Ok(sessions) } else { Err(not_all_sessions()) }
}

pub(super) fn check_owned(
    connection: &mut Connection,
    org: OrgId,
    sessions: Option<&[SessionId]>,
) -> StoreResult<()> {
    let Some(sessions) = sessions else { return Ok(()) };
    let owned = count_sessions(connection, org, sessions)?;
    if usize::try_from(owned) == Ok(sessions.len()) { Ok(()) } else { Err(not_all_sessions().into()) }
}

fn not_all_sessions() -> Error {
    Error::invalid("session_ids", "must name sessions that the caller reaches")
}

/// Whether what tells of these sessions, `None` for all, tells of no others than those.
fn is_within(sessions: Option<&[SessionId]>, reachable: &[SessionId]) -> bool {
    sessions.is_some_and(|sessions| sessions.iter().all(|session| reachable.contains(session)))
}

/// The webhook, if there is one and it may be seen.
pub(super) fn visible(found: Option<WebhookRow>, reachable: Option<&[SessionId]>) -> Result<WebhookRow> {
    let is_visible =
        |row: &WebhookRow| reachable.is_none_or(|reachable| is_within(row.sessions.as_deref(), reachable));
    found.filter(is_visible).ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::not_found("webhook not found")
}
