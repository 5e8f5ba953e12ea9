//! The states of a send, from the queue to its outcome.
//!
//! `sending` is committed before the gateway is called, so that a send whose process was killed is known. Receipts do not
//! change the state: whether an accepted message was delivered, read or failed says its ack.

use std::time::Duration;

use uuid::Uuid;

use super::content::{Outgoing, SendContent, Target};
use super::references;
use crate::actions::commands::{Command, ConnectorLease};
use crate::actions::ingest::{apply_within, rename_message};
use crate::caller::Actor;
use crate::error::{Error, Result};
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::instant::Instant;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::{DeleteMessage, Edit, Event, MessageReference, Reaction, Receipt, ReceiptKind};
use crate::store::sends::{self, ACCEPTED, FAILED, LOCAL_ONLY, NewSend, QUEUED, SENDING, SendRow, UNKNOWN};
use crate::store::sessions as session_rows;
use crate::store::{LockMode, Store, StoreResult, Transaction, Writer, commands, send_queue, send_views};

/// The longest reason, in bytes.
const MAX_REASON: usize = 1000;

/// An attempt that has begun.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The send.
    pub row: SendRow,
    /// What to send.
    pub outgoing: Outgoing,
    /// Whether WhatsApp has reported the message already: an earlier attempt succeeded.
    pub is_reported: bool,
}

/// What comes of a send that is to be attempted.
#[derive(Clone, Debug)]
pub enum Begun {
    /// Its attempt has begun.
    Attempt(Box<Attempt>),
    /// It is not queued any more.
    NotQueued,
    /// Another holder has the session's lease.
    NotHolder,
}

/// At most `limit` sends of the session that may be attempted now: the first of each chat.
pub async fn due(store: &Store, org: OrgId, session: SessionId, limit: i64) -> Result<Vec<SendRow>> {
    store.read(move |connection| send_queue::due(connection, org, session, limit)).await
}

/// The sends of the session whose attempt was interrupted: their process ended before the outcome was stored.
pub async fn interrupted(store: &Store, org: OrgId, session: SessionId) -> Result<Vec<SendRow>> {
    store.read(move |connection| send_queue::in_state(connection, org, session, SENDING)).await
}

/// Begins an attempt by a connection of that kind, if it has the lease of the session in the same transaction: no send is
/// given to two of them.
pub async fn begin(store: &Store, lease: ConnectorLease, kind: &str, send: Uuid) -> Result<Begun> {
    let (org, kind) = (lease.org, kind.to_owned());
    let begun = store.write(writer(org), move |tx| {
        if !lease.acquire_within(tx)? {
            return Ok(Begun::NotHolder);
        }
        let Some(row) = send_queue::begin(tx, org, send, &kind)? else { return Ok(Begun::NotQueued) };
        let message = send_views::find(tx, org, send)?.and_then(|view| view.message);
        let is_message = !matches!(row.kind.as_str(), "reaction" | "edit" | "delete");
        let is_reported = is_message && message.and_then(|message| message.ack) > Some(0);
        let outgoing = Outgoing::of(&row)?;
        Ok(Begun::Attempt(Box::new(Attempt { row, outgoing, is_reported })))
    });
    begun.await
}

/// The gateway has accepted the send. `message_id` is WhatsApp's id of the message; empty while that is not known.
///
/// May be called several times.
pub async fn accept(store: &Store, org: OrgId, send: Uuid, message_id: String) -> Result<()> {
    let accepted = store.write(writer(org), move |tx| {
        if let Some(row) = sends::change_state(tx, org, send, &[QUEUED, SENDING, UNKNOWN], ACCEPTED, None)? {
            let content = Outgoing::of(&row)?.content;
            if content.target().is_some() {
                let done = done(tx, &row, content)?;
                return apply_within(tx, vec![done]);
            }
            return accept_message(tx, &row, &message_id);
        }
        let Some(row) = sends::change_state(tx, org, send, &[ACCEPTED], ACCEPTED, None)? else {
            return Ok(());
        };
        match Outgoing::of(&row)?.content.target() {
            // What it does is done: by now a newer reaction or edit may have replaced it.
            Some(_) => Ok(()),
            None => accept_message(tx, &row, &message_id),
        }
    });
    accepted.await
}

/// Gives the message of a send that the gateway has accepted its id, and shows that it was accepted.
fn accept_message(tx: &mut Transaction<'_>, row: &SendRow, message_id: &str) -> StoreResult<()> {
    let stored = row.message_id.as_deref().unwrap_or_default();
    let id = if message_id.is_empty() { stored } else { message_id };
    if id != stored {
        let org = tx.org();
        rename_message(tx, row, id)?;
        sends::set_message(tx, org, row.send_id, id)?;
        references::rename(tx, row, (stored, id))?;
    }
    apply_within(tx, vec![receipt(row, id, ReceiptKind::Sent, None)])
}

/// The send cannot be sent. Returns the state that it ends in: `unknown` if an earlier attempt may have sent it, else `failed`.
pub async fn give_up(store: &Store, org: OrgId, send: Uuid, reason: String) -> Result<&'static str> {
    let reason = shortened(reason);
    let given_up =
        store.write(writer(org), move |tx| end_unsent(tx, send, &[QUEUED, SENDING], FAILED, &reason));
    Ok(if given_up.await?.is_some_and(|row| row.state == UNKNOWN) { UNKNOWN } else { FAILED })
}

/// Ends a send that is not attempted any more, as [`sends::give_up`] does, and shows that in its message.
pub(super) fn end_unsent(
    tx: &mut Transaction<'_>,
    send: Uuid,
    from: &[&str],
    state: &str,
    reason: &str,
) -> StoreResult<Option<SendRow>> {
    let org = tx.org();
    let ended = sends::give_up(tx, org, send, from, state, reason)?;
    if let Some(row) = &ended {
        let kind = if row.state == UNKNOWN { ReceiptKind::Unknown } else { ReceiptKind::Failed };
        show(tx, row, kind, reason)?;
    }
    Ok(ended)
}

/// The send failed for good, also as far as earlier attempts go.
pub async fn fail(store: &Store, org: OrgId, send: Uuid, reason: String) -> Result<()> {
    end(store, org, send, (&[QUEUED, SENDING], FAILED, ReceiptKind::Failed), reason).await
}

/// The send may have been sent, and must not be sent again.
pub async fn unclear(store: &Store, org: OrgId, send: Uuid, reason: String) -> Result<()> {
    end(store, org, send, (&[SENDING], UNKNOWN, ReceiptKind::Unknown), reason).await
}

async fn end(
    store: &Store,
    org: OrgId,
    send: Uuid,
    (from, state, kind): (&'static [&'static str], &'static str, ReceiptKind),
    reason: String,
) -> Result<()> {
    let reason = shortened(reason);
    let ended = store.write(writer(org), move |tx| {
        match sends::change_state(tx, org, send, from, state, Some(&reason))? {
            Some(row) => show(tx, &row, kind, &reason),
            None => Ok(()),
        }
    });
    ended.await
}

/// Removes a command that the connection cannot apply, and lists it with the reason.
pub async fn reject_command(
    store: &Store,
    org: OrgId,
    session: SessionId,
    command: &Command,
    (is_supported, reason): (bool, String),
) -> Result<()> {
    let (id, new) = (
        command.id,
        NewSend {
            send_id: Uuid::now_v7(),
            session,
            address: command.chat.clone(),
            kind: command.change.field(),
            message_id: None,
            from_me: true,
            author: String::new(),
            has_own_id: false,
            content: serde_json::Value::Null,
            state: if is_supported { FAILED } else { LOCAL_ONLY },
            reason: Some(shortened(reason)),
        },
    );
    let rejected = store.write(writer(org), move |tx| {
        commands::delete(tx, org, session, &[id])?;
        sends::insert(tx, &new)
    });
    rejected.await
}

/// How many sends of all organizations are queued, and the age of the oldest.
pub async fn backlog(store: &Store) -> Result<(u64, Duration)> {
    let (sends, oldest) = store.read(send_queue::backlog).await?;
    let age = oldest.map_or(0, |oldest| Instant::now().micros() - oldest.micros());
    Ok((
        u64::try_from(sends).unwrap_or_default(),
        Duration::from_micros(u64::try_from(age).unwrap_or_default()),
    ))
}

/// What the send sends.
///
/// # Errors
///
/// Its content cannot be read.
pub fn content_of(row: &SendRow) -> Result<SendContent> {
    Outgoing::of(row).map(|outgoing| outgoing.content)
}

/// Shows why a send was not sent, or may not have been, in a receipt of its message.
fn show(tx: &mut Transaction<'_>, row: &SendRow, kind: ReceiptKind, reason: &str) -> StoreResult<()> {
    if Outgoing::of(row)?.content.target().is_some() {
        return Ok(());
    }
    let id = row.message_id.as_deref().unwrap_or_default();
    apply_within(tx, vec![receipt(row, id, kind, Some(reason.to_owned()))])
}

fn receipt(row: &SendRow, id: &str, kind: ReceiptKind, reason: Option<String>) -> IngestEvent {
    let target = Target { id: id.to_owned(), from_me: true, author: None };
    let receipt = Receipt {
        message: Some(reference(row, target)),
        kind: kind.into(),
        at: Some(Instant::now().into()),
        reason,
        ..Receipt::default()
    };
    event(row, Event::Receipt(receipt))
}

/// What a reaction, an edit or a deletion does to its message.
fn done(tx: &mut Transaction<'_>, row: &SendRow, content: SendContent) -> StoreResult<IngestEvent> {
    let (org, at) = (tx.org(), Some(Instant::now().into()));
    Ok(match content {
        SendContent::Reaction { message, emoji } => {
            let session = session_rows::find(tx, org, row.session_id)?;
            let by = session.map(|session| ChatAddress::of_phone(&session.phone).as_str().to_owned());
            let (message, by) = (Some(reference(row, message)), by.unwrap_or_default());
            event(row, Event::Reaction(Reaction { message, by, emoji, at }))
        }
        SendContent::Edit { message, body } => {
            event(row, Event::Edit(Edit { message: Some(reference(row, message)), body, at }))
        }
        SendContent::Delete { message } => {
            event(row, Event::DeleteMessage(DeleteMessage { message: Some(reference(row, message)) }))
        }
        SendContent::Text { .. }
        | SendContent::Media { .. }
        | SendContent::Location { .. }
        | SendContent::Contacts { .. }
        | SendContent::Poll { .. }
        | SendContent::Template { .. } => {
            return Err(Error::internal("a message is about no other one").into());
        }
    })
}

fn reference(row: &SendRow, Target { id, from_me, author }: Target) -> MessageReference {
    MessageReference { id, chat: row.address.as_str().to_owned(), from_me: Some(from_me), author }
}

fn event(row: &SendRow, event: Event) -> IngestEvent {
    IngestEvent { session: row.session_id.to_string(), event: Some(event), ..IngestEvent::default() }
}

pub(super) fn writer(org: OrgId) -> Writer {
    Writer { org, actor: Actor::Connector, lock_mode: LockMode::Shared }
}

pub(super) fn shortened(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    reason
}
