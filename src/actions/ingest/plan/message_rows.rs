//! Message state from and to rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::actions::ingest::message_state::MessageState;
use crate::actions::ingest::persons::{Persons, may_be_linked};
use crate::error::Error;
use crate::ids::{ChatAddress, OrgId, SessionId};
use crate::store::ingest::{Message, MessageKey, write_messages};
use crate::store::{StoreResult, Transaction, media};

/// The most persons of whom a message has receipts or reactions.
const MAX_PERSONS: usize = 8192;

pub(crate) fn from_row(row: Message) -> StoreResult<MessageState> {
    let Value::Object(details) = row.details else {
        return Err(Error::internal("messages.details is not an object").into());
    };
    let field_times = row.field_times.map(serde_json::from_value).transpose().map_err(Error::internal)?;
    Ok(MessageState {
        sent_at: row.sent_at,
        from_me: row.key.from_me,
        sender: row.sender,
        kind: row.kind,
        body: row.body,
        first_body: row.first_body,
        reactions: row
            .reactions
            .map(serde_json::from_value)
            .transpose()
            .map_err(Error::internal)?
            .unwrap_or_default(),
        details,
        ack: row.ack,
        delivery: row.delivery.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        updated_at: row.updated_at,
        field_times: field_times.unwrap_or_default(),
    })
}

/// The states of these rows by their keys.
pub(super) fn states(rows: Vec<Message>) -> StoreResult<BTreeMap<MessageKey, MessageState>> {
    rows.into_iter().map(|row| Ok((row.key.clone(), from_row(row)?))).collect()
}

/// Inserts or replaces messages, in the order of their arrival, and deletes the media files of deleted ones. `added` has how
/// many of them are new, by session. Returns the number of the arrival of each.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    states: Vec<(MessageKey, MessageState)>,
    added: &[(SessionId, usize)],
) -> StoreResult<Vec<(MessageKey, i64)>> {
    let org = tx.org();
    let deleted = states.iter().filter(|(_, state)| state.is_deleted()).map(|(key, _)| key);
    media::delete_of_messages(tx, org, &deleted.collect::<Vec<_>>())?;
    let states: Vec<(MessageKey, MessageState)> =
        states.into_iter().map(|(key, state)| (key, bounded(state))).collect();
    let linked = with_links(tx, org, &states)?;
    let rows = states.into_iter().zip(linked).map(|((key, state), has_links)| to_row(key, state, has_links));
    write_messages(tx, &rows.collect::<StoreResult<Vec<Message>>>()?, added)
}

/// Whether an address in each of the messages may not be the one by which its person is known.
///
/// Only of messages that name nothing but phone numbers with one spelling it must be looked up.
fn with_links(
    tx: &mut Transaction<'_>,
    org: OrgId,
    states: &[(MessageKey, MessageState)],
) -> StoreResult<Vec<bool>> {
    let named = states.iter().map(|(_, state)| {
        let persons: BTreeSet<ChatAddress> = state.persons().filter_map(|it| it.parse().ok()).collect();
        (!persons.iter().any(may_be_linked)).then_some(persons)
    });
    let named: Vec<Option<BTreeSet<ChatAddress>>> = named.collect();
    let phones: BTreeSet<&ChatAddress> = named.iter().flatten().flatten().collect();
    let persons = Persons::find(tx, org, &phones.into_iter().collect::<Vec<_>>())?;
    let is_other = |phone: &ChatAddress| persons.of(phone) != phone;
    Ok(named.iter().map(|phones| phones.as_ref().is_none_or(|phones| phones.iter().any(is_other))).collect())
}

/// The state with as many persons as a large group has: those with the first addresses, whichever came first.
fn bounded(mut state: MessageState) -> MessageState {
    fn bound<V>(persons: &mut BTreeMap<String, V>) {
        while persons.len() > MAX_PERSONS {
            persons.pop_last();
        }
    }

    bound(&mut state.reactions);
    if let Some(delivery) = &mut state.delivery {
        bound(&mut delivery.delivered);
        bound(&mut delivery.read);
        while delivery.pending.len() > MAX_PERSONS {
            delivery.pending.pop_last();
        }
    }
    state
}

fn to_row(key: MessageKey, state: MessageState, has_links: bool) -> StoreResult<Message> {
    let field_times = (!state.field_times.is_empty()).then(|| serde_json::to_value(&state.field_times));
    let reactions = (!state.reactions.is_empty()).then(|| serde_json::to_value(&state.reactions));
    let silent = state.is_silent();
    Ok(Message {
        silent,
        has_links,
        key,
        sent_at: state.sent_at,
        updated_at: state.updated_at,
        ack: state.ack,
        sender: state.sender,
        kind: state.kind,
        body: state.body,
        first_body: state.first_body,
        reactions: reactions.transpose().map_err(Error::internal)?,
        delivery: state.delivery.map(serde_json::to_value).transpose().map_err(Error::internal)?,
        details: Value::Object(state.details),
        field_times: field_times.transpose().map_err(Error::internal)?,
    })
}
