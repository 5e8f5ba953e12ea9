//! An organization's numbers, each attached as one session.

use super::idempotency::IdempotentWrite;
use super::page::{self, Page};
use super::{Precondition, name, orgs};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, Phone, PhoneId, SessionId};
use crate::patch::Patch;
pub use crate::store::sessions::SessionRow;
use crate::store::sessions::{self, Insertion, NewSessionRow};
use crate::store::{Connection, Store, StoreResult};

/// A number to attach.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id; `None` for a new one.
    pub id: Option<SessionId>,
    /// The number.
    pub phone: Phone,
    /// Name given by the organization; an empty one is none.
    pub label: Option<String>,
}

/// What changes of a session.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Name given by the organization; an empty one is none.
    pub label: Patch<String>,
}

/// Refuses a key that is limited to some sessions: it could make itself one that nobody gave it, or take a number from
/// whoever would attach it.
pub fn check_may_attach(caller: &Caller) -> Result<()> {
    match &caller.sessions {
        Some(_) => Err(Error::new(Kind::Forbidden, "a key limited to some sessions cannot attach another")),
        None => Ok(()),
    }
}

/// Attaches a number.
///
/// # Errors
///
/// When the number or the id is taken, when the organization does not exist.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewSession,
    once: IdempotentWrite<SessionRow, R>,
) -> Result<R> {
    let row = NewSessionRow {
        session_id: new.id.unwrap_or_else(SessionId::generate),
        phone: new.phone,
        phone_id: PhoneId::generate(),
        label: new.label.map_or(Ok(None), checked_label)?,
    };
    once.write(store, org, move |connection| {
        if !crate::store::orgs::exists(connection, org)? {
            return Err(orgs::not_found().into());
        }
        match sessions::insert(connection, org, &row)? {
            Insertion::Inserted(session) => Ok(session),
            Insertion::PhoneTaken => Err(taken("the organization has this number already").into()),
            Insertion::IdTaken => Err(taken("the organization has a session with this id already").into()),
        }
    })
    .await
}

/// The session.
pub async fn get(store: &Store, caller: &Caller, session: SessionId) -> Result<SessionRow> {
    check_reach(caller, session)?;
    let org = caller.org;
    store.read(move |connection| find(connection, org, session)).await
}

/// All of the organization's sessions, oldest first.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<SessionRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| sessions::list(connection, org)).await
}

/// A page of the sessions that the caller reaches, in the order of their ids.
pub async fn page(
    store: &Store,
    cursors: &SigningKeys,
    caller: &Caller,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<SessionRow>> {
    let (org, size, scope) = (caller.org, page::size(limit), Scope::of("sessions"));
    let after = match cursor {
        "" => None,
        cursor => {
            let last: String = cursors.open(org, &scope, cursor)?;
            Some(last.parse::<SessionId>().map_err(Error::internal)?)
        }
    };
    let reachable = caller.sessions.clone();
    let rows = store
        .read(move |connection| sessions::page(connection, org, reachable.as_deref(), after, size + 1))
        .await?;
    page::cut(rows, size, |row| row.session_id.to_string(), (cursors, org, &scope))
}

/// Changes the session and answers it. A change of nothing only reads, and the label it has already is none.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    change: Change,
    precondition: Precondition<SessionRow>,
    once: IdempotentWrite<SessionRow, R>,
) -> Result<R> {
    let label =
        change.label.into_changeset().map(|label| label.map_or(Ok(None), checked_label)).transpose()?;
    check_reach(caller, session)?;
    let org = caller.org;
    let Some(label) = label else {
        let unchanged = move |connection: &mut _| {
            let row = find(connection, org, session)?;
            precondition.check(&row)?;
            Ok(row)
        };
        return once.read(store, org, unchanged).await;
    };
    once.write(store, org, move |connection| {
        let row = locked(connection, org, session)?;
        precondition.check(&row)?;
        if row.label == label {
            return Ok(row);
        }
        let renamed = sessions::set_label(connection, org, session, label.as_deref())?;
        renamed.ok_or_else(|| not_found().into())
    })
    .await
}

/// Removes the session with its chats and messages, and with the last holder of a chat everything the organization
/// attached to it.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    precondition: Precondition<SessionRow>,
    once: IdempotentWrite<(), R>,
) -> Result<R> {
    check_reach(caller, session)?;
    let org = caller.org;
    once.write(store, org, move |connection| {
        // Chats before the session, in the order of everybody else. What a connector added until the session itself was
        // locked is seen the second time; from then on it waits.
        sessions::lock_chats(connection, org, session)?;
        precondition.check(&locked(connection, org, session)?)?;
        sessions::lock_chats(connection, org, session)?;
        sessions::delete(connection, org, session)
    })
    .await
}

fn find(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<SessionRow> {
    sessions::find(connection, org, session)?.ok_or_else(|| not_found().into())
}

fn locked(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<SessionRow> {
    sessions::lock(connection, org, session)?.ok_or_else(|| not_found().into())
}

/// A key limited to some sessions takes every other one for missing.
pub(super) fn check_reach(caller: &Caller, session: SessionId) -> Result<()> {
    match &caller.sessions {
        Some(reachable) if !reachable.contains(&session) => Err(not_found()),
        _ => Ok(()),
    }
}

pub(super) fn not_found() -> Error {
    Error::not_found("session not found")
}

fn taken(message: &'static str) -> Error {
    Error::new(Kind::Conflict, message)
}

/// The label, if it is one; an empty one is none.
pub(super) fn checked_label(label: String) -> Result<Option<String>> {
    if label.is_empty() { Ok(None) } else { name::checked("label", &label).map(Some) }
}
