//! Reads history from gateways: at the start, after outages, and when a person asks for it.
//!
//! A page is stored while the next one is read. The cursor is stored with the progress, so a sync continues after a restart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::follow_ups::follow_up;
use super::gateway::{FollowUp, GatewayError, Lookup, Pulled};
use super::lease::Leased;
use super::media;
use crate::actions::connections::{ConnectionRow, SyncProgress};
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::pb::ingest_event::Event;
use crate::store::{Transaction, connection_leases};
use crate::telemetry::causes;

/// How often the history is read without a reason: webhooks get lost silently.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// What is read again before the time until which the copy is complete: clocks differ, and messages arrive late.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// Pause after a failure; doubles with each, up to the maximum.
const INITIAL_BACKOFF: Duration = Duration::from_secs(2);
const MAX_BACKOFF: Duration = Duration::from_secs(300);
/// Pause while the gateway rejects the credentials, and the longest that a gateway may ask for.
const MAX_PAUSE: Duration = Duration::from_mins(15);
/// Ingest events that are stored together. Live messages wait for a batch; larger ones store more a second.
const BATCH: usize = 250;

/// Why a sync does not go on.
enum Interruption {
    /// The gateway has no history that can be read.
    Nothing,
    /// It may go on later, after that time if given.
    Later(String, Option<Duration>),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        tracing::warn!(reason = causes(&error), "storing the history of a line failed");
        Self::Later("the database did not respond".to_owned(), None)
    }
}

/// Syncs whenever it is due, until `stop` is cancelled.
pub(super) async fn run(
    leased: Leased,
    lookups: mpsc::Sender<Lookup>,
    writers: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let syncs = async {
        loop {
            let mut failures = 0;
            let mut sync = Sync::new(&leased, &lookups, &writers);
            while let Err(Interruption::Later(reason, after)) = sync.run().await {
                failures += 1;
                sync.report(reason).await;
                let backoff = INITIAL_BACKOFF.saturating_mul(1 << u32::min(failures, 10)).min(MAX_BACKOFF);
                tokio::select! {
                    () = sleep(after.unwrap_or(backoff).min(MAX_PAUSE)) => {}
                    () = leased.wake.sync.notified() => {}
                }
            }
            tokio::select! {
                () = leased.wake.sync.notified() => {}
                () = sleep(INTERVAL) => {}
            }
        }
    };
    tokio::select! {
        () = syncs => {}
        () = stop.cancelled() => {}
    }
}

/// One sync.
struct Sync<'l> {
    leased: &'l Leased,
    lookups: &'l mpsc::Sender<Lookup>,
    writers: &'l Semaphore,
    progress: SyncProgress,
}

impl<'l> Sync<'l> {
    fn new(leased: &'l Leased, lookups: &'l mpsc::Sender<Lookup>, writers: &'l Semaphore) -> Self {
        Self { leased, lookups, writers, progress: SyncProgress::default() }
    }

    /// Reads what is missing, or continues a sync that was interrupted.
    async fn run(&mut self) -> Result<(), Interruption> {
        let Some(row) = self.leased.current().await? else { return Ok(()) };
        let started = self.begin(&row).await?;
        let outcome = self.pull_all().await;
        match outcome {
            Ok(()) | Err(Interruption::Nothing) => {}
            Err(later) => return Err(later),
        }
        self.progress.clear_error();
        let (org, id, progress) = (self.leased.org, self.leased.connection.clone(), self.progress.to_text());
        let finish =
            move |tx: &mut Transaction<'_>| connection_leases::finish_sync(tx, org, &id, &progress, started);
        Ok(self.leased.store.write(org, finish).await?)
    }

    /// Returns when the sync started.
    async fn begin(&mut self, row: &ConnectionRow) -> Result<Instant, Interruption> {
        let is_unfinished = row.sync_started_at.is_some() && row.sync_finished_at.is_none();
        if let Some(started) = row.sync_started_at.filter(|_| is_unfinished) {
            self.progress = SyncProgress::parse(&row.sync_progress);
            return Ok(started);
        }
        let since = row.complete_until.map(|until| until.earlier_by(OVERLAP).micros());
        // What an earlier sync left out is still missing, unless this one begins anew.
        let before = SyncProgress::parse(&row.sync_progress);
        let before = before.unreadable_chats.max(before.unreadable_before);
        let unreadable_before = if since.is_some() { before } else { 0 };
        self.progress = SyncProgress { since, unreadable_before, ..SyncProgress::default() };
        self.progress.clear_error();
        let (org, id, progress) = (self.leased.org, self.leased.connection.clone(), self.progress.to_text());
        let start = move |tx: &mut Transaction<'_>| connection_leases::start_sync(tx, org, &id, &progress);
        Ok(self.leased.store.write(org, start).await?)
    }

    async fn pull_all(&mut self) -> Result<(), Interruption> {
        let (leased, since) = (self.leased, self.progress.since.map(Instant::from_micros));
        let budget = Budget::per_minute(leased.row.sync_budget);
        let first = leased.gateway.pull(since, self.progress.cursor.as_ref(), &budget);
        let mut page = first.await.map_err(interruption)?;
        loop {
            let Some(cursor) = page.cursor.clone() else { return self.store(page).await };
            let next = leased.gateway.pull(since, Some(&cursor), &budget);
            let (stored, next) = tokio::join!(self.store(page), next);
            stored?;
            page = next.map_err(interruption)?;
        }
    }

    /// Stores a page, and how far the sync is.
    async fn store(&mut self, page: Pulled) -> Result<(), Interruption> {
        let is_message = |event: &&crate::pb::IngestEvent| matches!(event.event, Some(Event::Message(_)));
        let messages = page.mapped.events.iter().filter(is_message).count();
        let mut events = page.mapped.events;
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(BATCH));
            let _permit = self.writers.acquire().await.map_err(Error::internal)?;
            let outcomes = self.leased.ingest_lists(std::mem::replace(&mut events, rest)).await?;
            let rejected = outcomes.iter().filter(|outcome| outcome.is_err()).count();
            if rejected > 0 {
                tracing::warn!(rejected, "events of the history of a line were rejected");
            }
        }
        let mut files = Vec::new();
        for task in page.mapped.follow_ups {
            if let FollowUp::Media(source) = task {
                files.push(source);
            } else {
                follow_up(self.leased, task, self.lookups).await?;
            }
        }
        media::enqueue(&self.leased.store, self.leased.org, self.leased.session, files).await?;
        self.leased.wake.media.notify_one();
        self.progress.cursor = page.cursor;
        (self.progress.chats, self.progress.total_chats) = page.chats;
        self.progress.messages += messages as u64;
        self.progress.unreadable_chats += page.unreadable_chats;
        self.progress.clear_error();
        Ok(self.store_progress(false).await?)
    }

    /// Shows why the sync does not go on.
    async fn report(&mut self, reason: String) {
        self.progress.error = reason;
        if let Err(error) = self.store_progress(true).await {
            tracing::warn!(reason = causes(&error), "storing the progress of a sync failed");
        }
    }

    async fn store_progress(&self, has_failed: bool) -> Result<()> {
        let (org, id, progress) = (self.leased.org, self.leased.connection.clone(), self.progress.to_text());
        let store = move |tx: &mut Transaction<'_>| {
            connection_leases::store_progress(tx, org, &id, &progress, has_failed)
        };
        self.leased.store.write(org, store).await
    }
}

/// Why a page cannot be read, and when to try again.
fn interruption(error: GatewayError) -> Interruption {
    match error {
        GatewayError::Unsupported(_) => Interruption::Nothing,
        GatewayError::Unavailable { reason, retry_after } => Interruption::Later(reason, retry_after),
        GatewayError::Unauthorized => Interruption::Later(error.to_string(), Some(MAX_PAUSE)),
        GatewayError::NotFound(_) | GatewayError::NotAllowed | GatewayError::Unexpected(_) => {
            Interruption::Later(error.to_string(), None)
        }
    }
}
