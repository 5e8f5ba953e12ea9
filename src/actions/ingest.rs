//! What connectors tell becomes the stored copy. The same events in any order, any number of times and from any number
//! of writers end in the same copy.
//!
//! Contacts and chats carry no version: there the last arrival wins, field by field.

mod batch;
mod chats;
mod check;
mod contacts;
mod counters;
mod event;
pub mod export;
mod inbox;
mod json;
mod members;
mod merge;
mod messages;
mod persons;
mod session_scope;
mod sessions;
mod setup;

pub use batch::{Applied, Batch};
pub use event::{
    AddressEvent, ChatEvent, ChatKind, ConnectionStatus, ContactEvent, DeleteMessageEvent, DeliveryInfo,
    Event, InboxEvent, IngestEvent, LabelEvent, MemberEvent, MessageEvent, NumberEvent,
    OrganizationMemberEvent, PropertyEvent, ReadEvent, ReceiptEvent, ReceiptKind, StatusEvent, UnreadEvent,
};
pub use session_scope::SessionScope;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use serde_json::Value as JsonTree;

use check::{Accepted, Checked, check};

use super::senders::{self, Sender};
use crate::caller::Actor;
use crate::error::{Error, Kind, Result};
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::ingest as rows;
use crate::store::{Connection, LockMode, Store, StoreResult, Writer};
use crate::telemetry::metrics;

/// From how many events on it is worth planning their statements anew.
const MANY: usize = 32;

/// Stores a batch of events.
///
/// A bad event is refused alone: the inner results are in the order of the batch, and an error names the field. The
/// outer one is for when nothing could be stored at all.
pub async fn apply(store: &Store, reach: &SessionScope, batch: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
    apply_marked(store, reach, batch, None).await
}

/// How far a sender has come with what is stored.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The sender.
    pub sender: Sender,
    /// Its own number of its last event.
    pub sequence: i64,
}

/// The same, and with the last of them it is stored how far the sender has come.
async fn apply_marked(
    store: &Store,
    reach: &SessionScope,
    batch: Vec<IngestEvent>,
    mark: Option<Mark>,
) -> Result<Vec<Result<()>>> {
    let mut outcomes: Vec<Result<()>> = Vec::with_capacity(batch.len());
    let (mut setups, mut checked) = (Vec::new(), Vec::with_capacity(batch.len()));
    let kinds: Vec<_> = batch.iter().map(|event| event.event.kind()).collect();
    for (place, event) in batch.into_iter().enumerate() {
        let accepted = reach.check(&event.event).and_then(|()| check(event));
        outcomes.push(accepted.map(|accepted| match accepted {
            Accepted::Setup(setup) => setups.push((place, *setup)),
            Accepted::Seen(seen) => checked.push((place, seen)),
        }));
    }
    // In this order: what is seen names numbers, members and persons.
    let mut refused = in_parts(store, reach, LockMode::Shared, setups.into(), setup::write, None).await?;
    let checked: Arc<[(usize, Checked)]> = checked.into();
    refused.extend(persons::apply(store, reach, &checked).await?);
    refused.extend(in_parts(store, reach, LockMode::Shared, checked, write, mark).await?);
    for (place, error) in refused {
        outcomes[place] = Err(error);
    }
    count(kinds.into_iter().zip(outcomes.iter().map(Result::is_ok)));
    Ok(outcomes)
}

/// Counts events of these kinds, stored or not.
fn count(events: impl Iterator<Item = (&'static str, bool)>) {
    let mut counts = BTreeMap::<_, u64>::new();
    events.for_each(|event| *counts.entry(event).or_default() += 1);
    for ((kind, is_stored), events) in counts {
        metrics::ingested(kind, if is_stored { "stored" } else { "refused" }, events);
    }
}

/// Events that are refused, by their place in the batch.
type Refused = Vec<(usize, Error)>;

/// One transaction's work.
type Write<T> = fn(&mut Connection, &SessionScope, &[(usize, T)]) -> StoreResult<Refused>;

/// Writes events in one transaction. The database may refuse what the checks let pass; such an event must not take the
/// others with it, so they are split until it stands alone.
///
/// How far their sender has come is written with them, or after them when they do not fit into one transaction.
async fn in_parts<T: Send + Sync + 'static>(
    store: &Store,
    reach: &SessionScope,
    lock_mode: LockMode,
    events: Arc<[(usize, T)]>,
    write: Write<T>,
    mark: Option<Mark>,
) -> Result<Refused> {
    let whole = 0..events.len();
    let mut unmarked = mark;
    let mut refused = Vec::new();
    let mut parts = Vec::from([whole.clone()]);
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        let (range, events_of_part, own_reach) = (part.clone(), Arc::clone(&events), reach.clone());
        let own_mark = unmarked.clone().filter(|_| part == whole);
        let work = move |connection: &mut Connection| {
            let events = &events_of_part[range.clone()];
            let refused = match events.len() {
                MANY.. => rows::for_many(connection, |connection| write(connection, &own_reach, events))?,
                _ => write(connection, &own_reach, events)?,
            };
            advance(connection, own_reach.org, own_mark.as_ref())?;
            Ok(refused)
        };
        let writer = Writer { org: reach.org, actor: Actor::Connector, lock_mode };
        match store.write_named("actions::ingest::in_parts", writer, work).await {
            Ok(more) => {
                refused.extend(more);
                unmarked = unmarked.filter(|_| part != whole);
            }
            Err(error) if error.kind() != Kind::Internal => return Err(error),
            Err(error) if part.len() == 1 => refused.push((events[part.start].0, error)),
            Err(_) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
        }
    }
    if unmarked.is_some() {
        let org = reach.org;
        store.write(org, move |connection| advance(connection, org, unmarked.as_ref())).await?;
    }
    Ok(refused)
}

fn advance(connection: &mut Connection, org: OrgId, mark: Option<&Mark>) -> StoreResult<()> {
    // At the end, when all else is done: whoever takes over the sender's name waits for it.
    mark.map_or(Ok(()), |mark| senders::advance(connection, org, &mark.sender, mark.sequence))
}

/// One transaction's work. Answers the events that were refused.
fn write(
    connection: &mut Connection,
    reach: &SessionScope,
    events: &[(usize, Checked)],
) -> StoreResult<Refused> {
    let (org, now) = (reach.org, Instant::now());
    let (told, mut refused) = sessions::resolve(connection, reach, events)?;
    let (inboxes, strange) = inbox::resolve(connection, org, &told)?;
    refused.extend(strange);
    let bad: BTreeSet<usize> = refused.iter().map(|(place, _)| *place).collect();
    let good = told.into_iter().filter(|(place, ..)| !bad.contains(place));
    let changes: Vec<_> = good.map(|(_, session, change)| (session, change)).collect();
    let steps = |connection: &mut Connection| {
        let persons = persons::known(connection, org, &changes)?;
        let found = chats::find(connection, org, &changes, &persons)?;
        contacts::write(connection, org, &changes, &found, &persons)?;
        let chats = chats::create_missing(connection, org, &changes, found, &persons)?;
        chats::write(connection, org, &changes, &chats, &persons, now)?;
        inbox::write(connection, org, &inboxes, &chats, now)?;
        let mut counters = counters::lock(connection, org, &changes, &chats)?;
        messages::write(connection, org, &changes, &chats, &mut counters)?;
        counters.store(connection, org, now)?;
        sessions::write_statuses(connection, org, &changes, now)
    };
    steps(connection).map_err(rows::retry_when_deleted)?;
    Ok(refused)
}
