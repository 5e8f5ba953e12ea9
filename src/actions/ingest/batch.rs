//! Batches of events, which are stored together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::SessionEvent;
use super::parse::{Parsed, parse};
use super::persons::Persons;
use super::scope::SessionScope;
use super::transaction::{Mark, write_in_parts};
use super::{link, plan, setup};
use crate::error::{Error, Result};
use crate::ids::ChatAddress;
use crate::pb::IngestEvent;
use crate::pb::ingest_event::Event;
use crate::store::ingest as rows;
use crate::store::{LockMode, Store};
use crate::telemetry::metrics;

/// Enough to share the cost of a transaction, and few enough to store a batch in a fraction of a second.
const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Events in the order of their arrival, each with the sender's own `T` for it, such as its line number.
#[derive(Debug)]
pub struct Batch<T> {
    tags: Vec<T>,
    events: Vec<IngestEvent>,
    rejected: Vec<(T, Error)>,
    bytes: usize,
}

/// The outcome of a batch.
#[derive(Debug)]
pub struct Applied<T> {
    /// Number of stored events.
    pub stored: usize,
    /// Events that were not stored, with the reason.
    pub rejected: Vec<(T, Error)>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { tags: Vec::new(), events: Vec::new(), rejected: Vec::new(), bytes: 0 }
    }
}

impl<T> Batch<T> {
    /// Adds an event of that size in bytes, or the reason why it cannot be read.
    pub fn push(&mut self, tag: T, event: Result<IngestEvent>, bytes: usize) {
        match event {
            Ok(event) => {
                self.tags.push(tag);
                self.events.push(event);
                self.bytes += bytes;
            }
            Err(error) => self.rejected.push((tag, error)),
        }
    }

    /// Whether the batch must be applied before more is added.
    pub fn is_full(&self) -> bool {
        self.events.len() + self.rejected.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.rejected.is_empty()
    }

    /// Stores the events and the mark of their sender. Fails when nothing could be stored at all.
    pub async fn apply(self, store: &Store, scope: &SessionScope, mark: Option<Mark>) -> Result<Applied<T>> {
        // An event that cannot be read has no kind.
        count(self.rejected.iter().map(|_| ("-", false)));
        let outcomes = apply_marked(store, scope, self.events, mark).await?;
        let mut applied = Applied { stored: 0, rejected: self.rejected };
        for (tag, outcome) in self.tags.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => applied.stored += 1,
                Err(error) => applied.rejected.push((tag, error)),
            }
        }
        Ok(applied)
    }
}

/// Stores events. An invalid event is rejected alone.
///
/// The inner results are in the order of the events, and an error names the field. The outer result fails when nothing
/// could be stored at all.
pub async fn apply(store: &Store, scope: &SessionScope, events: Vec<IngestEvent>) -> Result<Vec<Result<()>>> {
    apply_marked(store, scope, events, None).await
}

async fn apply_marked(
    store: &Store,
    scope: &SessionScope,
    events: Vec<IngestEvent>,
    mark: Option<Mark>,
) -> Result<Vec<Result<()>>> {
    let kinds: Vec<_> = events.iter().map(|event| event.event.as_ref().map_or("-", Event::kind)).collect();
    let mut outcomes: Vec<Result<()>> = Vec::with_capacity(events.len());
    let (mut setups, mut session_events) = (Vec::new(), Vec::with_capacity(events.len()));
    for (index, event) in events.into_iter().enumerate() {
        let parsed = scope.check(event.event.as_ref()).and_then(|()| parse(event));
        outcomes.push(parsed.map(|parsed| match parsed {
            Parsed::Setup(setup) => setups.push((index, *setup)),
            Parsed::Session(event) => session_events.push((index, event)),
        }));
    }
    // In this order: the events of sessions name sessions, members and linked addresses.
    let mut rejected =
        write_in_parts(store, scope, LockMode::Shared, setups.into(), setup::write, None).await?;
    let session_events: Arc<[(usize, SessionEvent)]> = session_events.into();
    rejected.extend(link::apply(store, scope, &session_events).await?);
    let events = Arc::clone(&session_events);
    rejected.extend(write_in_parts(store, scope, LockMode::Shared, events, plan::write, mark).await?);
    replay(store, scope, &session_events).await?;
    for (index, error) in rejected {
        outcomes[index] = Err(error);
    }
    count(kinds.into_iter().zip(outcomes.iter().map(Result::is_ok)));
    Ok(outcomes)
}

/// Applies updates of the chats of a batch whose message or chat another transaction stored at the same moment.
///
/// Neither of the two transactions saw what the other one wrote. Each looks again after its commit.
async fn replay(store: &Store, scope: &SessionScope, events: &[(usize, SessionEvent)]) -> Result<()> {
    let named = events.iter().filter_map(|(_, event)| event.change.chat());
    let named: BTreeSet<ChatAddress> = named.cloned().collect();
    if named.is_empty() {
        return Ok(());
    }
    let org = scope.org;
    let waiting = store
        .read(move |connection| {
            let named: Vec<&ChatAddress> = named.iter().collect();
            let persons = Persons::find(connection, org, &named)?;
            let chats: BTreeSet<&ChatAddress> = named.into_iter().map(|chat| persons.of(chat)).collect();
            rows::waits_at(connection, org, &chats.into_iter().collect::<Vec<_>>())
        })
        .await?;
    let waiting: Arc<[(usize, ChatAddress)]> = waiting.into_iter().enumerate().collect();
    if !waiting.is_empty() {
        write_in_parts(store, scope, LockMode::Shared, waiting, plan::replay, None).await?;
    }
    Ok(())
}

/// Counts events by kind and by whether they are stored.
fn count(events: impl Iterator<Item = (&'static str, bool)>) {
    let mut counts = BTreeMap::<_, u64>::new();
    events.for_each(|event| *counts.entry(event).or_default() += 1);
    for ((kind, is_stored), events) in counts {
        metrics::ingested(kind, if is_stored { "stored" } else { "rejected" }, events);
    }
}
