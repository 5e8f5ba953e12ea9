//! Validation of webhooks, their visibility, and the derivation of their secrets.

use guarded_http::Destinations;

use crate::actions::audit::check_kind;
use crate::caller::Caller;
use crate::config::{Secret, WebhookConfig};
use crate::cursor::SigningKeys;
use crate::error::{Error, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::webhooks::WebhookRow;

use crate::actions::session_ids::{self, is_subset};

const SECRET_PREFIX: &str = "whsec_";

/// Random bytes from which a new secret is derived.
pub(super) fn new_salt() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

/// The webhook's secret; `None` once its signing key is removed.
pub(super) fn secret(keys: &SigningKeys, org: OrgId, row: &WebhookRow) -> Option<Secret> {
    let parts: [&[u8]; 4] =
        [b"webhook", org.as_uuid().as_bytes(), row.webhook_id.as_str().as_bytes(), &row.salt];
    let bytes = keys.secret(&row.key_id, &parts)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Secret::new(format!("{SECRET_PREFIX}{digits}")))
}

/// The addresses that endpoints may have.
pub fn destinations(settings: &WebhookConfig) -> Destinations {
    match (settings.allow_loopback, settings.allow_private_networks) {
        (true, _) => Destinations::Any,
        (false, true) => Destinations::Private,
        (false, false) => Destinations::Public,
    }
}

/// Valid event kinds, sorted, without duplicates.
pub(super) fn checked_kinds(mut kinds: Vec<String>) -> Result<Vec<String>> {
    for kind in &kinds {
        check_kind("actions", Some(kind))?;
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// Sessions that the caller may access, sorted and distinct; `None` selects all.
pub(super) fn checked_sessions(
    caller: &Caller,
    sessions: Option<Vec<SessionId>>,
) -> Result<Option<Vec<SessionId>>> {
    let sessions = sessions.filter(|sessions| !sessions.is_empty()).map(session_ids::sorted);
    session_ids::check_allowed(sessions.as_deref(), caller.sessions.as_deref())?;
    Ok(sessions)
}

/// The webhook if it exists, selects only sessions of the caller, and sends nothing that the caller's claims hide from it.
pub(super) fn visible(found: Option<WebhookRow>, caller: &Caller) -> Result<WebhookRow> {
    let claimant = caller.claimant_key();
    let is_visible = |row: &WebhookRow| {
        is_subset(row.sessions.as_deref(), caller.sessions.as_deref())
            && (claimant.is_none() || row.claimant == claimant)
    };
    found.filter(is_visible).ok_or_else(|| Error::not_found("webhook not found"))
}
