//! Reading, changing and deleting a chat of one session.

use super::idempotency::IdempotentWrite;
use super::read_state::{self, ReadState};
use super::sessions::{self, chat_not_found, check_reach};
use super::{Precondition, commands};
use crate::caller::Caller;
use crate::error::Result;
use crate::ids::{ChatAddress, SessionId};
use crate::instant::Instant;
use crate::patch::Patch;
use crate::store::session_chats::{self, Found, SessionChatChange, SessionChatView};
use crate::store::{Connection, Store, StoreResult, Transaction, chat_deletion, claims};

/// A change of a session's chat.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Whether it is archived.
    pub archived: Option<bool>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// When its mute ends.
    pub muted_until: Patch<Instant>,
    /// Clears the mute; overrides `muted_until`.
    pub unmute: bool,
}

/// The chat as the session sees it.
pub async fn get(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
) -> Result<SessionChatView> {
    check_reach(caller, session)?;
    let caller = caller.clone();
    store.read_fixed(move |connection| find(connection, &caller, session, &address)).await
}

/// Changes the chat, and returns it. An empty change only reads.
pub async fn update<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
    change: Change,
    precondition: Precondition<SessionChatView>,
    idempotent: IdempotentWrite<SessionChatView, R>,
) -> Result<R> {
    check_reach(caller, session)?;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let (caller, org) = (caller.clone(), caller.org);
    let Some(columns) = columns(change) else {
        let read = move |connection: &mut _| {
            let view = find(connection, &caller, session, &address)?;
            precondition.check(&view)?;
            Ok(view)
        };
        return idempotent.read(store, org, read).await;
    };
    idempotent
        .write(store, org, move |tx: &mut Transaction<'_>| {
            check(tx, &caller, session, &address, &precondition)?;
            if let Some(chat_key) = session_chats::update(tx, session, &address, &columns)? {
                commands::enqueue(tx, org, session, chat_key, &columns)?;
            }
            find(tx, &caller, session, &address)
        })
        .await
}

/// Deletes the chat and its messages from the session.
///
/// A chat that no other session holds is deleted with the organization's data about it.
pub async fn delete<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
    precondition: Precondition<SessionChatView>,
    idempotent: IdempotentWrite<(), R>,
) -> Result<R> {
    check_reach(caller, session)?;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let (caller, org) = (caller.clone(), caller.org);
    idempotent
        .write(store, org, move |tx: &mut Transaction<'_>| {
            // Locks the whole chat, so that no session starts or stops to hold it before the commit.
            let Some(chat_key) = session_chats::lock_chat(tx, org, session, &address)? else {
                find(tx, &caller, session, &address)?;
                return Err(chat_not_found().into());
            };
            if precondition.is_some() || caller.viewer().is_some() {
                precondition.check(&find(tx, &caller, session, &address)?)?;
            }
            session_chats::keep_deleted(tx, org, session, chat_key)?;
            if !session_chats::delete(tx, session, &[chat_key])? {
                return Err(chat_not_found().into());
            }
            chat_deletion::delete_unheld(tx, &[chat_key])
        })
        .await
}

/// Marks the chat read or unread, and returns it.
pub async fn mark<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    session: SessionId,
    address: ChatAddress,
    state: ReadState,
    precondition: Precondition<SessionChatView>,
    idempotent: IdempotentWrite<SessionChatView, R>,
) -> Result<R> {
    check_reach(caller, session)?;
    let idempotent = idempotent.about(caller, &address, chat_not_found);
    let (caller, org) = (caller.clone(), caller.org);
    idempotent
        .write(store, org, move |tx: &mut Transaction<'_>| {
            check(tx, &caller, session, &address, &precondition)?;
            read_state::mark(tx, session, &address, state)?;
            find(tx, &caller, session, &address)
        })
        .await
}

pub(super) fn find(
    connection: &mut Connection,
    caller: &Caller,
    session: SessionId,
    address: &ChatAddress,
) -> StoreResult<SessionChatView> {
    match session_chats::find(connection, caller.org, session, address, caller.viewer().as_deref())? {
        Found::Chat(view) => {
            let claimed = claims::of(connection, caller.org, caller.claimant.as_ref(), &[address])?;
            Ok(SessionChatView { name: view.name.filter(|_| claimed.is_empty()), ..view })
        }
        Found::NoChat => Err(chat_not_found().into()),
        Found::NoSession => Err(sessions::not_found().into()),
    }
}

/// Locks the chat and checks the precondition, unless it is [`Precondition::NONE`].
fn check(
    connection: &mut Connection,
    caller: &Caller,
    session: SessionId,
    address: &ChatAddress,
    precondition: &Precondition<SessionChatView>,
) -> StoreResult<()> {
    if precondition.is_some() {
        session_chats::lock(connection, caller.org, session, address)?;
        precondition.check(&find(connection, caller, session, address)?)?;
    }
    Ok(())
}

/// The columns to change; `None` for an empty change.
fn columns(change: Change) -> Option<SessionChatChange> {
    let muted_until = if change.unmute { Patch::Clear } else { change.muted_until };
    if change.archived.is_none() && change.pinned.is_none() && muted_until.is_keep() {
        return None;
    }
    let muted_until = muted_until.into_changeset();
    Some(SessionChatChange { archived: change.archived, pinned: change.pinned, muted_until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmute_overrides_muted_until() {
        let muted_until = Patch::Set(Instant::from_micros(1));
        let change = Change { muted_until: muted_until.clone(), unmute: true, ..Change::default() };
        assert_eq!(columns(change).unwrap().muted_until, Some(None));
        let change = Change { muted_until, ..Change::default() };
        assert_eq!(columns(change).unwrap().muted_until, Some(Some(Instant::from_micros(1))));
    }

    #[test]
    fn empty_change_writes_nothing() {
        assert!(columns(Change::default()).is_none());
    }
}
