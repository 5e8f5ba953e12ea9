//! Ingest in the transaction of another action: what a session sends is stored together with its send.

use super::change::{Change, SessionEvent, SessionName};
use super::parse::{Parsed, parse};
use super::plan::{self, from_row};
use super::scope::SessionScope;
use crate::error::Error;
use crate::ids::{ChatAddress, SessionId};
use crate::pb::IngestEvent;
use crate::store::ingest::{self as rows, MessageKey, SessionChatKey};
use crate::store::{StoreResult, Transaction, media};

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
    write(tx, &parsed)
}

/// Gives a message that the session sent another id, under which it may be stored already: then the two become one.
///
/// Its `sent_message_id` keeps the id that it had. Does nothing when it is not stored any more.
pub(in crate::actions) fn rename_message(
    tx: &mut Transaction<'_>,
    session: SessionId,
    address: &ChatAddress,
    (from, to): (&str, &str),
) -> StoreResult<()> {
    let org = tx.org();
    let chats = rows::chats_by_address(tx, org, &[address])?;
    let Some(chat_key) = chats.get(address).copied() else { return Ok(()) };
    let chat = SessionChatKey { session, chat_key };
    // Before the message is removed, while the count follows from the messages.
    let marked = plan::marked_unread(tx, &[chat_key])?.into_iter().collect();
    let key = MessageKey { chat, id: from.to_owned(), from_me: true, author: String::new() };
    media::rename_message(tx, org, &key, to)?;
    let Some(row) = rows::take_messages(tx, &[key])?.pop() else { return Ok(()) };
    let mut state = from_row(row)?;
    state.details.entry("sent_message_id").or_insert_with(|| from.into());
    if !rows::messages_by_id(tx, org, &[&(chat, to.to_owned())])?.is_empty() {
        // What WhatsApp reported of it counts.
        (state.kind, state.body) = (None, None);
    }
    let (chat_address, id, message) = (address.clone(), to.to_owned(), Box::new(state));
    let change = Change::Message { chat: chat_address, id, author: None, message };
    write(tx, &[(0, SessionEvent { session: SessionName::Id(session), change })])?;
    plan::recount(tx, &[chat], &marked)
}

fn write(tx: &mut Transaction<'_>, events: &[(usize, SessionEvent)]) -> StoreResult<()> {
    let scope = SessionScope::all(tx.org());
    let rejected = rows::for_many(tx, |tx| plan::write(tx, &scope, events))?;
    match rejected.into_iter().next() {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}
