//! The audit log of a chat.

use super::page::{CursorList, Page};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::instant::Instant;
use crate::store::events::{self, ChangeEvent, ChatLog, KINDS};
use crate::store::{Connection, Store};

/// Selects entries of the audit log.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only changes of this phone number's session and changes that all sessions share; `None` for all numbers.
    pub number: Option<PhoneSelector>,
    /// Only changes by this principal.
    pub performed_by: Option<String>,
    /// Only changes of this kind.
    pub action: Option<String>,
    /// Inclusive start of the time range.
    pub from: Option<Instant>,
    /// Exclusive end of the time range.
    pub before: Option<Instant>,
    /// Maximum number of entries, clamped to 1–200; 50 when `None`.
    pub limit: Option<i64>,
    /// The cursor from the previous page; empty for the first.
    pub cursor: String,
}

/// A page of the chat's changes, newest first.
pub async fn list(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    address: ChatAddress,
    query: AuditQuery,
) -> Result<Page<ChangeEvent>> {
    check_kind("action", query.action.as_deref())?;
    // PostgreSQL cannot store NUL.
    if query.performed_by.as_ref().is_some_and(|actor| actor.contains('\0')) {
        return Err(Error::invalid("performed_by", "must not contain NUL"));
    }
    let scope = Scope::of("audit logs")
        .with("chat", &address)
        .with_some("number", query.number.as_ref())
        .with_some("performed by", query.performed_by.as_deref())
        .with_some("action", query.action.as_deref())
        .with_some("from", query.from.map(Instant::micros))
        .with_some("before", query.before.map(Instant::micros));
    let (phone, phone_id) = match query.number {
        None => (None, None),
        Some(PhoneSelector::Phone(phone)) => (Some(phone.to_string()), None),
        Some(PhoneSelector::PhoneId(id)) => (None, Some(id.to_string())),
    };
    let log = ChatLog {
        address: address.to_string(),
        actor: query.performed_by,
        kind: query.action,
        from: query.from,
        before: query.before,
        older_than: None,
        sessions: caller.sessions.clone(),
        phone,
        phone_id,
    };
    let org = caller.org;
    let read = move |connection: &mut Connection, older_than: Option<i64>, limit| {
        let rows = events::of_chat(connection, org, &ChatLog { older_than, ..log }, limit)?;
        Ok(rows.ok_or_else(|| Error::not_found("chat not found"))?)
    };
    let list = CursorList { store, keys, org, scope };
    list.page(query.limit, &query.cursor, |event: &ChangeEvent| event.event_id, read).await
}

/// Rejects an unknown kind of change event.
pub(super) fn check_kind(field: &'static str, kind: Option<&str>) -> Result<()> {
    match kind {
        Some(kind) if !KINDS.contains(&kind) => {
            Err(Error::invalid(field, format_args!("must be one of {}", KINDS.join(", "))))
        }
        Some(_) | None => Ok(()),
    }
}
