//! Sends: what API clients send through the connections of sessions.
//!
//! A call stores the send, and its message in the chat, in one transaction. The session's connection carries it out
//! afterwards: `outcomes` has the states that it passes.

mod connectors;
mod content;
mod drafts;
mod files;
mod outcomes;
mod references;
mod reported;
mod retries;
mod rules;
mod targets;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use uuid::Uuid;

pub use self::connectors::{Outcome, REPLACED, begin_next, finish, requeue_interrupted};
use self::content::NewMessage;
pub use self::content::{
    Act, FileSource, NewContent, Outgoing, SendContent, Target, new_message_id, to_proto,
};
pub use self::drafts::is_new;
use self::drafts::{Draft, draft};
pub use self::files::keep_file;
pub use self::outcomes::{
    Attempt, Begun, accept, backlog, begin, content_of, due, fail, give_up, interrupted, reject_command,
    unclear,
};
pub use self::reported::reported;
pub use self::retries::{backoff, is_young, not_sent, repeat};
pub use self::rules::{Rules, SendRules, no_connection, unsupported};
use self::targets::find_target;
pub use self::targets::{MessageName, Recipient};
use super::idempotency::IdempotentWrite;
use super::ingest::apply_within;
use super::page::{CursorList, Page, PageRequest};
use super::sessions::check_reach;
use super::{Precondition, retention, sessions};
use crate::caller::{Caller, Principal};
use crate::cursor::{Scope, SigningKeys};
use crate::error::{Error, Kind, Result};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
pub use crate::store::send_views::SendView;
use crate::store::sends::{self, CANCELLED, FINISHED, NewSend};
pub use crate::store::sends::{ACCEPTED, FAILED, QUEUED, SendRow, UNKNOWN};
pub use crate::store::sent_messages::FoundMessage;
use crate::store::{Connection, Store, StoreResult, Transaction, chat_access, send_views};

/// A send that was queued.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The send.
    pub view: SendView,
    /// How many sends of the session wait, with this one.
    pub position: i64,
}

/// Queues a message, which its chat shows at once.
pub async fn send<R: Send + 'static>(
    store: &Store,
    rules: &Rules,
    caller: &Caller,
    recipient: Recipient,
    new: NewContent,
    write: IdempotentWrite<Queued, R>,
) -> Result<R> {
    let write = write.about(caller, recipient.address(), sessions::chat_not_found);
    let (caller, checks, org) = (caller.clone(), Arc::clone(rules), caller.org);
    let work = move |tx: &mut Transaction<'_>| {
        let Draft { session, chat, own_id, outgoing } = draft(tx, &checks, &caller, &recipient, &new)?;
        if let SendContent::Media { file: FileSource::Bytes(_), .. } = &outgoing.content {
            return Err(Error::unavailable(
                "its idempotency key expired a moment ago, and its file is not stored",
            )
            .into());
        }
        let send_id = Uuid::now_v7();
        let id = own_id.clone().unwrap_or_else(|| send_id.simple().to_string());
        let event = outgoing.message_event(&NewMessage {
            session: session.session_id,
            phone: &session.phone,
            chat: &chat,
            id: &id,
            at: Instant::now(),
            performed_by: performer(&caller),
        });
        apply_within(tx, vec![event])?;
        files::attach(tx, session.session_id, &chat, &id, &new.content)?;
        insert(tx, session.session_id, &chat, &outgoing, (send_id, Some(id), own_id.is_some()))
    };
    queue(store, rules, org, write, work).await
}

/// Queues a reaction to a message, an edit or a deletion.
pub async fn act<R: Send + 'static>(
    store: &Store,
    rules: &Rules,
    caller: &Caller,
    name: MessageName,
    act: Act,
    write: IdempotentWrite<Queued, R>,
) -> Result<R> {
    let write = targets::about_message(write, caller, name.clone(), message_not_found);
    let (caller, checks, org) = (caller.clone(), Arc::clone(rules), caller.org);
    let work = move |tx: &mut Transaction<'_>| {
        let found = find_target(tx, &caller, &name)?.ok_or_else(message_not_found)?;
        let found = references::with_lasting_id(tx, org, found)?;
        let content = act.content(&found)?;
        checks.check(tx, &caller, found.session, &content)?;
        let outgoing = Outgoing { content, reply_to: None };
        let id = found.message.message_id.clone();
        insert(tx, found.session, &found.chat, &outgoing, (Uuid::now_v7(), Some(id), false))
    };
    queue(store, rules, org, write, work).await
}

/// Runs the work, and lets the session's connection send once it is committed.
async fn queue<R: Send + 'static>(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    write: IdempotentWrite<Queued, R>,
    work: impl Fn(&mut Transaction<'_>) -> StoreResult<Queued> + Send + 'static,
) -> Result<R> {
    let session = Arc::new(OnceLock::new());
    let queued_by = Arc::clone(&session);
    let work = move |tx: &mut Transaction<'_>| {
        let queued = work(tx)?;
        queued_by.get_or_init(|| queued.view.send.session_id);
        Ok(queued)
    };
    let response = write.write(store, org, work).await?;
    if let Some(session) = session.get() {
        rules.queued(org, *session);
    }
    Ok(response)
}

/// A message, with its send if it was sent here.
pub async fn get(store: &Store, caller: &Caller, name: MessageName) -> Result<FoundMessage> {
    let caller = caller.clone();
    let found = store.read(move |connection| find_target(connection, &caller, &name)).await?;
    found.ok_or_else(message_not_found)
}

/// Cancels a queued send; one that is cancelled stays so.
pub async fn cancel<R: Send + 'static>(
    store: &Store,
    caller: &Caller,
    send: Uuid,
    precondition: Precondition<SendView>,
    write: IdempotentWrite<(), R>,
) -> Result<R> {
    let write = targets::about_message(write, caller, MessageName::Send(send), send_not_found);
    let (caller, org) = (caller.clone(), caller.org);
    let work = move |tx: &mut Transaction<'_>| {
        let view = send_views::find(tx, org, send)?.ok_or_else(send_not_found)?;
        let viewer = caller.viewer();
        if check_reach(&caller, view.send.session_id).is_err()
            || chat_access::hides(tx, org, Some(&view.send.address), viewer.as_deref())?
        {
            return Err(send_not_found().into());
        }
        precondition.check(&view)?;
        if view.send.state == CANCELLED {
            return Ok(());
        }
        match outcomes::end_unsent(tx, send, &[QUEUED], CANCELLED, "cancelled")? {
            Some(_) => Ok(()),
            None => Err(Error::new(Kind::FailedPrecondition, "it is not queued any more").into()),
        }
    };
    write.write(store, org, work).await
}

/// A page of the sends of a session, newest first.
pub async fn page(
    store: &Store,
    keys: &SigningKeys,
    caller: &Caller,
    session: SessionId,
    state: Option<String>,
    request: PageRequest,
) -> Result<Page<SendView>> {
    let scope = Scope::of("sends").with("session", session).with_some("state", state.as_deref());
    let list = CursorList { store, keys, org: caller.org, scope };
    let caller = caller.clone();
    let read = move |connection: &mut Connection, before: Option<String>, limit| {
        let before = before.map(|id| id.parse::<Uuid>()).transpose().map_err(Error::internal)?;
        check_reach(&caller, session)?;
        let viewer = caller.viewer();
        let (org, state) = (caller.org, state.as_deref());
        let rows = send_views::page(connection, org, session, state, viewer.as_deref(), before, limit)?;
        if rows.is_empty() {
            sessions::find(connection, org, session)?;
        }
        Ok(rows)
    };
    list.page(request.limit, &request.cursor, |view: &SendView| view.send.send_id.to_string(), read).await
}

/// Ends a batch of sends that nothing attempted for that long, or for as long as a send is tried: no connection is enabled, or
/// its connector is away. Returns whether there may be more.
pub async fn end_abandoned(store: &Store, retention: Duration) -> Result<bool> {
    let age = retention.max(retries::MAX_AGE);
    let read = move |connection: &mut _| sends::unchanged(connection, &[QUEUED], age, retention::BATCH);
    let abandoned = store.read(read).await?;
    retention::delete(store, abandoned, |tx, _, ids: &[Uuid]| {
        let reason = "the connection did not send it in time";
        ids.iter().try_for_each(|id| outcomes::end_unsent(tx, *id, &[QUEUED], FAILED, reason).map(drop))
    })
    .await
}

/// Deletes a batch of finished sends that did not change for that long. Returns whether there may be more.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let read = move |connection: &mut _| sends::unchanged(connection, &FINISHED, retention, retention::BATCH);
    let expired = store.read(read).await?;
    retention::delete(store, expired, |tx, org, ids: &[Uuid]| sends::delete(tx, org, ids)).await
}

fn insert(
    tx: &mut Transaction<'_>,
    session: SessionId,
    chat: &ChatAddress,
    outgoing: &Outgoing,
    (send_id, message_id, has_own_id): (Uuid, Option<String>, bool),
) -> StoreResult<Queued> {
    let target = outgoing.content.target();
    let new = NewSend {
        send_id,
        session,
        address: chat.clone(),
        kind: outgoing.content.kind(),
        message_id,
        from_me: target.is_none_or(|target| target.from_me),
        author: target.and_then(|target| target.author.clone()).unwrap_or_default(),
        has_own_id,
        content: outgoing.stored()?,
        state: QUEUED,
        reason: None,
    };
    sends::insert(tx, &new)?;
    let org = tx.org();
    let view =
        send_views::find(tx, org, send_id)?.ok_or_else(|| Error::internal("the send is not stored"))?;
    Ok(Queued { view, position: sends::position(tx, org, session, send_id)? })
}

/// Who sent a message: a member's email, or the key.
fn performer(caller: &Caller) -> String {
    match (&caller.member, &caller.principal) {
        (Some(email), _) => email.to_string(),
        (None, Principal::Member(subject)) => subject.clone(),
        (None, Principal::ApiKey(id)) => format!("key:{id}"),
    }
}

fn message_not_found() -> Error {
    Error::not_found("message not found")
}

fn send_not_found() -> Error {
    Error::not_found("send not found")
}
