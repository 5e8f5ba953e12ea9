//! Who changed what of a chat.

use super::page::{self, Page};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, PhoneSelector};
use crate::instant::Instant;
use crate::store::Store;
use crate::store::events::{self, ChangeEvent, ChatLog, KINDS};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only what changed for this number and for all; `None` for all numbers.
    pub number: Option<PhoneSelector>,
    /// Only what they did.
    pub performed_by: Option<String>,
    /// Only changes of that kind.
    pub action: Option<String>,
    /// Only what was not done before.
    pub from: Option<Instant>,
    /// Only what was done before.
    pub before: Option<Instant>,
    /// How many changes a page may have, before it is held within bounds.
    pub limit: Option<i64>,
    /// What the page before said of this one; empty for the first.
    pub cursor: String,
}

/// A page of the chat's changes, newest first.
pub async fn list(
    store: &Store,
    cursors: &SigningKeys,
    caller: &Caller,
    address: ChatAddress,
    asked: AuditQuery,
) -> Result<Page<ChangeEvent>> {
    check(&asked)?;
    let (org, size) = (caller.org, page::size(asked.limit));
    let scope = Scope::of("audit logs")
        .with("chat", &address)
        .with_some("number", asked.number.as_ref())
        .with_some("performed by", asked.performed_by.as_deref())
        .with_some("action", asked.action.as_deref())
        .with_some("from", asked.from.map(Instant::micros))
        .with_some("before", asked.before.map(Instant::micros));
    let older_than = match asked.cursor.as_str() {
        "" => None,
        cursor => Some(cursors.open(org, &scope, cursor)?),
    };
    let (phone, phone_id) = match asked.number {
        None => (None, None),
        Some(PhoneSelector::Phone(phone)) => (Some(phone.to_string()), None),
        Some(PhoneSelector::PhoneId(id)) => (None, Some(id.to_string())),
    };
    let log = ChatLog {
        address: address.to_string(),
        actor: asked.performed_by,
        kind: asked.action,
        from: asked.from,
        before: asked.before,
        older_than,
        reachable: caller.sessions.clone(),
        phone,
        phone_id,
    };
    let rows = store.read(move |connection| events::of_chat(connection, org, &log, size + 1)).await?;
    let rows = rows.ok_or_else(|| Error::not_found("chat not found"))?;
    page::cut(rows, size, |event| event.event_id, (cursors, org, &scope))
}

fn check(asked: &AuditQuery) -> Result<()> {
    check_kind("action", asked.action.as_deref())?;
    // PostgreSQL cannot hold NUL, so nobody's name has one.
    if asked.performed_by.as_ref().is_some_and(|actor| actor.contains('\0')) {
        return Err(Error::invalid("performed_by", "must not contain NUL"));
    }
    Ok(())
}

/// Refuses what is no kind of change.
pub(super) fn check_kind(field: &'static str, kind: Option<&str>) -> Result<()> {
    match kind {
        Some(kind) if !KINDS.contains(&kind) => {
            Err(Error::invalid(field, format_args!("must be one of {}", KINDS.join(", "))))
        }
        Some(_) | None => Ok(()),
    }
}
