//! Ingest in the transaction of another action: what a session sends is stored together with its send.

use super::change::{Change, SessionEvent, SessionName};
use super::parse::{Parsed, parse};
use super::plan::{self, from_row};
use super::scope::SessionScope;
use crate::error::Error;
use crate::ids::{ChatAddress, SessionId};
use crate::pb::IngestEvent;
use crate::store::ingest::{self as rows, MessageKey, SessionChatKey};
use crate::store::sends::SendRow;
use crate::store::{StoreResult, Transaction, events, media};

/// Stores events of sessions.
///
/// # Errors
///
/// An event is invalid: the error names its field.
pub(in crate::actions) fn apply_within(
    tx: &mut Transaction<'_>,
    events: Vec<IngestEvent>,
) -> StoreResult<()> {
    let mut parsed = Vec::with_capacity(events.len());
    for event in events {
        match parse(event)? {
            Parsed::Session(event) => parsed.push((0, event)),
            Parsed::Setup(_) => return Err(Error::internal("an event of no session").into()),
        }
    }
    write(tx, &SessionScope::all(tx.org()), &parsed)
}

/// Gives the message of a send another id, under which it may be stored already: then the two become one.
///
/// Its `sent_message_id` keeps the id that it had. Does nothing when it is not stored any more.
pub(in crate::actions) fn rename_message(
    tx: &mut Transaction<'_>,
    send: &SendRow,
    to: &str,
) -> StoreResult<()> {
    let (org, session, address) = (tx.org(), send.session_id, &send.address);
    let from = send.message_id.as_deref().unwrap_or_default();
    let chats = rows::chats_by_address(tx, org, &[address])?;
    let Some(chat_key) = chats.get(address).copied() else { return Ok(()) };
    let chat = SessionChatKey { session, chat_key };
    let key = MessageKey { chat, id: from.to_owned(), from_me: true, author: String::new() };
    media::rename_message(tx, org, &key, to)?;
    events::rename_message(tx, org, (session, chat_key), (from, to), send.created_at)?;
    let Some(row) = rows::take_messages(tx, &[key])?.pop() else { return Ok(()) };
    let mut state = from_row(row)?;
    state.details.entry("sent_message_id").or_insert_with(|| from.into());
    if !rows::messages_by_id(tx, org, &[&(chat, to.to_owned())])?.is_empty() {
        // What WhatsApp reported of it counts.
        (state.kind, state.body) = (None, None);
    }
    let (chat_address, id, message) = (address.clone(), to.to_owned(), Box::new(state));
    let change = Change::Message { chat: chat_address, id, author: None, message };
    let scope = SessionScope::all(org).renaming_messages();
    write(tx, &scope, &[(0, SessionEvent { session: SessionName::Id(session), change })])?;
    plan::recount(tx, &[chat])
}

/// Lets these messages that the session sent quote the message of that id. Those that are not stored any more are left out.
pub(in crate::actions) fn set_quoted(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
    (messages, quoted): (&[String], &str),
) -> StoreResult<()> {
    let org = tx.org();
    let chats = rows::chats_by_address(tx, org, &[address])?;
    let Some(chat_key) = chats.get(address).copied() else { return Ok(()) };
    let chat = SessionChatKey { session, chat_key };
    let key = |id: &String| MessageKey { chat, id: id.clone(), from_me: true, author: String::new() };
    plan::set_quoted(tx, chat, &messages.iter().map(key).collect::<Vec<_>>(), quoted)
}

fn write(
    tx: &mut Transaction<'_>,
    scope: &SessionScope,
    events: &[(usize, SessionEvent)],
) -> StoreResult<()> {
    let rejected = plan::write(tx, scope, events)?;
    match rejected.into_iter().next() {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}
