//! Maps stored raw events to ingest events, in order of arrival.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::became::describe;
use super::follow_ups::follow_up;
use super::gateway::{Lookup, Mapped};
use super::lease::Leased;
use crate::error::{Error, Kind, Result};
use crate::pb::ingest_event::Event;
use crate::store::inbound_events::{self, FAILED, IGNORED, InboundEventRow, MAPPED, MappedEvent};
use crate::telemetry::{causes, metrics};

/// Raw events that are mapped together.
const BATCH: i64 = 100;
/// Pause between two looks for events that nobody signalled.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Pause after a failure of the database.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Maps events until `stop` is cancelled.
pub(super) async fn run(leased: Leased, lookups: mpsc::Sender<Lookup>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match map_batch(&leased, &lookups).await {
            Ok(true) => continue,
            Ok(false) => POLL_INTERVAL,
            Err(error) => {
                tracing::warn!(reason = causes(&error), "mapping the events of a connection failed");
                FAILURE_PAUSE
            }
        };
        tokio::select! {
            () = leased.wake.events.notified() => {}
            () = sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Maps the oldest events. Returns whether there may be more.
async fn map_batch(leased: &Leased, lookups: &mpsc::Sender<Lookup>) -> Result<bool> {
    let (org, id) = (leased.org, leased.connection.clone());
    let read = move |connection: &mut _| inbound_events::received(connection, org, &id, BATCH);
    let rows = leased.store.read(read).await?;
    let is_full = i64::try_from(rows.len()) == Ok(BATCH);
    if rows.is_empty() {
        return Ok(false);
    }
    let events: Vec<_> = rows.into_iter().map(|row| RawMapped::new(leased, row)).collect();
    if events.len() == 1 || !store(leased, &events, lookups).await? {
        // One of them may be what the others fail with.
        for event in events {
            let event = std::slice::from_ref(&event);
            if !store(leased, event, lookups).await? {
                fail(leased, event, "the event could not be stored").await?;
            }
        }
    }
    Ok(is_full)
}

/// A raw event with what it was mapped to.
struct RawMapped {
    key: String,
    mapped: Result<Mapped, String>,
}

impl RawMapped {
    fn new(leased: &Leased, row: InboundEventRow) -> Self {
        let map = || {
            let body: Value = serde_json::from_str(&row.body).map_err(|error| error.to_string())?;
            leased.gateway.map(&body)
        };
        let mapped = catch_unwind(AssertUnwindSafe(map));
        let mapped = mapped.unwrap_or_else(|_| Err("the mapping of this event panicked".to_owned()));
        Self { key: row.event_key, mapped }
    }

    /// What became of it, with the outcomes of its ingest events.
    fn result(&self, outcomes: &[Result<()>]) -> MappedEvent {
        let mapped = match &self.mapped {
            Ok(mapped) => mapped,
            Err(error) => return self.of_state(FAILED, String::new(), Some(error.clone())),
        };
        if mapped.events.is_empty() && mapped.follow_ups.is_empty() {
            let reason = Some(mapped.ignored).filter(|reason| !reason.is_empty());
            return self.of_state(IGNORED, String::new(), reason.map(str::to_owned));
        }
        let rejected = mapped.events.iter().zip(outcomes).find_map(|(event, outcome)| {
            let error = outcome.as_ref().err()?;
            // What is known of a person contradicts it: the rest of the event is stored.
            let is_link = matches!(event.event, Some(Event::Address(_) | Event::Alias(_)));
            Some((is_link && error.kind() == Kind::FailedPrecondition, error.message().into_owned()))
        });
        let became = mapped.events.iter().map(describe).collect::<Vec<_>>().join("\n");
        match rejected {
            None => self.of_state(MAPPED, became, None),
            Some((true, error)) => self.of_state(MAPPED, became, Some(error)),
            Some((false, error)) => self.of_state(FAILED, became, Some(error)),
        }
    }

    fn of_state(&self, state: &'static str, became: String, error: Option<String>) -> MappedEvent {
        MappedEvent { key: self.key.clone(), state, became, error }
    }
}

/// Stores what raw events became. Returns `false` when something in them makes storing fail.
///
/// # Errors
///
/// The database does not respond; the events are mapped again.
async fn store(leased: &Leased, events: &[RawMapped], lookups: &mpsc::Sender<Lookup>) -> Result<bool> {
    let all = events.iter().filter_map(|event| event.mapped.as_ref().ok());
    let ingest = all.clone().flat_map(|mapped| mapped.events.iter().cloned()).collect();
    let outcomes = match AssertUnwindSafe(leased.ingest(ingest)).catch_unwind().await {
        Ok(Ok(outcomes)) => outcomes,
        Ok(Err(error)) if is_transient(&error) => return Err(error),
        Ok(Err(error)) => {
            tracing::error!(reason = causes(&error), "an event of a gateway could not be stored");
            return Ok(false);
        }
        Err(_panic) => return Ok(false),
    };
    for mapped in all {
        for task in &mapped.follow_ups {
            follow_up(leased, task.clone(), lookups).await?;
        }
    }
    let mut outcomes = outcomes.as_slice();
    let mut results = Vec::with_capacity(events.len());
    for event in events {
        let count = event.mapped.as_ref().map_or(0, |mapped| mapped.events.len());
        let (own, rest) = outcomes.split_at_checked(count).unwrap_or((outcomes, &[]));
        results.push(event.result(own));
        outcomes = rest;
    }
    store_results(leased, results).await?;
    Ok(true)
}

async fn fail(leased: &Leased, events: &[RawMapped], reason: &str) -> Result<()> {
    let failed = |event: &RawMapped| event.of_state(FAILED, String::new(), Some(reason.to_owned()));
    store_results(leased, events.iter().map(failed).collect()).await
}

async fn store_results(leased: &Leased, results: Vec<MappedEvent>) -> Result<()> {
    let (org, id) = (leased.org, leased.connection.clone());
    for result in &results {
        metrics::inbound_event(&leased.row.kind, result.state);
    }
    leased.store.write(org, move |tx| inbound_events::store_results(tx, org, &id, &results)).await
}

/// Whether the same may succeed later.
pub(super) fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Overloaded | Kind::DeadlineExceeded | Kind::Aborted)
}
