//! What connectors tell becomes the stored copy. The same events in any order, any number of times and from any number
//! of writers end in the same copy.
//!
//! Contacts and chats carry no version: there the last arrival wins, field by field.

mod chats;
mod check;
mod contacts;
mod counters;
mod event;
mod json;
mod members;
mod merge;
mod messages;
mod sessions;

pub use event::{
    AddressEvent, ChatEvent, ChatKind, ConnectionStatus, ContactEvent, DeleteMessageEvent, DeliveryInfo,
    Event, IngestEvent, MemberEvent, MessageEvent, ReadEvent, ReceiptEvent, ReceiptKind, StatusEvent,
};

use std::sync::Arc;

use check::{Checked, check};

use crate::caller::Actor;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::ingest as rows;
use crate::store::{Connection, Store, StoreResult, Writer};

/// Stores a batch of events of one organization in one transaction.
///
/// A bad event is refused alone: the inner results are in the order of the batch, and an error names the field. The
/// outer one is for when nothing could be stored at all.
pub async fn apply(store: &Store, org: OrgId, batch: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
    let mut outcomes: Vec<Result<()>> = Vec::with_capacity(batch.len());
    let mut checked = Vec::with_capacity(batch.len());
    for (place, event) in batch.into_iter().enumerate() {
        let outcome = check(event).map(|event| checked.push((place, event)));
        outcomes.push(outcome);
    }
    let checked: Arc<[(usize, Checked)]> = checked.into();

    // Halves still to be tried. The database may refuse what the checks let pass; such an event must not take the
    // others with it, so the batch is split until it stands alone.
    let whole = 0..checked.len();
    let mut parts = Vec::from([whole]);
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        let events = Arc::clone(&checked);
        let range = part.clone();
        let writer = Writer { org, actor: Actor::Connector };
        let written =
            store.write(writer, move |connection| write(connection, org, &events[range.clone()])).await;
        match written {
            Ok(refused) => refused.into_iter().for_each(|(place, error)| outcomes[place] = Err(error)),
            Err(error) if error.kind() != Kind::Internal => return Err(error),
            Err(error) if part.len() == 1 => outcomes[checked[part.start].0] = Err(error),
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    Ok(outcomes)
}

/// One transaction's work. Answers the events that were refused.
fn write(
    connection: &mut Connection,
    org: OrgId,
    events: &[(usize, Checked)],
) -> StoreResult<Vec<(usize, Error)>> {
    let now = Instant::now();
    let (changes, refused) = sessions::resolve(connection, org, events)?;
    let steps = |connection: &mut Connection| {
        let found = chats::find(connection, org, &changes)?;
        contacts::write(connection, org, &changes, &found)?;
        let chats = chats::create_missing(connection, org, &changes, found)?;
        chats::write(connection, org, &changes, &chats, now)?;
        let mut counters = counters::lock(connection, org, &changes, &chats)?;
        messages::write(connection, org, &changes, &chats, &mut counters)?;
        counters.store(connection, org, now)?;
        sessions::write_statuses(connection, org, &changes, now)
    };
    steps(connection).map_err(rows::retry_when_deleted)?;
    Ok(refused)
}
