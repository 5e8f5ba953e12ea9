//! Sessions: the WhatsApp numbers attached to an organization.

use super::idempotency::{IdempotentWrite, write_parts};
use super::page::{CursorList, Page};
use super::{Precondition, name, orgs};
use crate::caller::Caller;
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, Phone, PhoneId, PhoneSelector, SessionId};
use crate::patch::Patch;
pub use crate::store::sessions::SessionRow;
use crate::store::sessions::{self, Insertion, NewSessionRow};
use crate::store::{Connection, Store, StoreResult, Transaction};

/// A session to create.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id; `None` for a random one.
    pub id: Option<SessionId>,
    /// The phone number.
    pub phone: Phone,
    /// The name given by the organization; empty for none.
    pub label: Option<String>,
}

/// A change of a session.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The name given by the organization; empty for none.
    pub label: Patch<String>,
}

/// Creates a session, which attaches a phone number.
///
/// # Errors
///
/// When the phone number or the id is taken, or the organization does not exist.
pub async fn create<R: Send + 'static>(
    store: &Store,
    org: OrgId,
    new: NewSession,
    idempotent: IdempotentWrite<SessionRow, R>,
) -> Result<R> {
    let row = NewSessionRow {
        session_id: new.id.unwrap_or_else(SessionId::generate),
        phone: new.phone,
        phone_id: PhoneId::generate(),
        label: new.label.map_or(Ok(None), checked_label)?,
    };
    idempotent
        .write(store, org, move |connection| {
            orgs::check_exists(connection, org)?;
            match sessions::insert(connection, org, &row)? {
                Insertion::Inserted(session) => Ok(session),
                Insertion::PhoneTaken => Err(taken("the organization has this number already").into()),
                Insertion::IdTaken => {
                    Err(taken("the organization has a session with this id already").into())
                }
            }
        })
        .await
}

/// The session.
pub async fn get(store: &Store, caller: &Caller, session: SessionId) -> Result<SessionRow> {
    check_reach(caller, session)?;
    let org = caller.org;
    store.read_fixed(move |connection| find(connection, org, session)).await
}

/// All sessions of the organization, oldest first.
pub async fn list(store: &Store, org: OrgId) -> Result<Vec<SessionRow>> {
    orgs::require(store, org).await?;
    store.read(move |connection| sessions::list(connection, org)).await
}

/// A page of the sessions that the caller may access, by id, each with whether it has a connection.
pub async fn page(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    limit: Option<i64>,
    cursor: &str,
) -> Result<Page<(SessionRow, bool)>> {
    let (org, allowed) = (caller.org, caller.sessions.clone());
    let list = CursorList { store, keys, org, scope: Scope::of("sessions") };
    let read = move |connection: &mut Connection, after: Option<String>, limit| {
        let after = after.map(|id| id.parse::<SessionId>()).transpose().map_err(Error::internal)?;
        sessions::page(connection, org, allowed.as_deref(), after, limit)
    };
    list.page(limit, cursor, |(row, _): &(SessionRow, bool)| row.session_id.to_string(), read).await
}

/// Changes the session, and returns it. An empty change only reads.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    change: Change,
    precondition: Precondition<SessionRow>,
    idempotent: IdempotentWrite<SessionRow, R>,
) -> Result<R> {
    let label =
        change.label.into_changeset().map(|label| label.map_or(Ok(None), checked_label)).transpose()?;
    check_reach(caller, session)?;
    let org = caller.org;
    let Some(label) = label else {
        let read = move |connection: &mut _| {
            let row = find(connection, org, session)?;
            precondition.check(&row)?;
            Ok(row)
        };
        return idempotent.read(store, org, read).await;
    };
    idempotent
        .write(store, org, move |connection| {
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

/// Deletes the session with its chats and messages.
///
/// A chat that no other session holds is deleted with the organization's data about it. The chats of a large session are deleted
/// in parts, because all of them may take longer than a call: a call that ends early is continued by the next one.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    precondition: Precondition<SessionRow>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    check_reach(caller, session)?;
    let org = caller.org;
    let precondition_of_parts = precondition.clone();
    let delete_part = move |tx: &mut Transaction<'_>| {
        let chats = sessions::lock_part(tx, org, session)?;
        if chats.is_empty() {
            return Ok(false);
        }
        precondition_of_parts.check(&locked(tx, org, session)?)?;
        sessions::delete_chats(tx, session, &chats)?;
        Ok(true)
    };
    write_parts(store, idempotent.writer(org), idempotent.key_use(), delete_part).await?;
    idempotent
        .write(store, org, move |tx| {
            // Chats are locked before the session, as everywhere. The second call locks the chats that a connector added before
            // the session was locked; later ones wait.
            sessions::lock_chats(tx, org, session)?;
            precondition.check(&locked(tx, org, session)?)?;
            sessions::lock_chats(tx, org, session)?;
            sessions::delete(tx, session)
        })
        .await
}

pub(super) fn find(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<SessionRow> {
    sessions::find(connection, org, session)?.ok_or_else(|| not_found().into())
}

fn locked(connection: &mut Connection, org: OrgId, session: SessionId) -> StoreResult<SessionRow> {
    sessions::lock(connection, org, session)?.ok_or_else(|| not_found().into())
}

/// Returns "not found" for a session that the caller may not access.
pub(super) fn check_reach(caller: &Caller, session: SessionId) -> Result<()> {
    match &caller.sessions {
        Some(allowed) if !allowed.contains(&session) => Err(not_found()),
        _ => Ok(()),
    }
}

/// The error when the session with that phone, one of `sessions`, does not hold a chat: the phone is unknown, or the chat.
pub(super) fn missing_chat(
    connection: &mut Connection,
    org: OrgId,
    phone: Option<&PhoneSelector>,
    sessions: Option<&[SessionId]>,
) -> StoreResult<Error> {
    let is_phone_unknown = match phone {
        Some(phone) => sessions::find_by_phone(connection, org, phone, sessions)?.is_empty(),
        None => false,
    };
    Ok(Error::not_found(if is_phone_unknown { "phone not found" } else { "chat not found" }))
}

pub(super) fn not_found() -> Error {
    Error::not_found("session not found")
}

pub(super) fn chat_not_found() -> Error {
    Error::not_found("chat not found")
}

fn taken(message: &'static str) -> Error {
    Error::new(Kind::Conflict, message)
}

/// A valid label; `None` when it is empty.
pub fn checked_label(label: String) -> Result<Option<String>> {
    if label.is_empty() { Ok(None) } else { name::checked("label", &label).map(Some) }
}
