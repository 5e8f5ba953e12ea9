//! Delivers one batch of change events to one webhook, under a lease.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant as Clock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff;
use super::checks::secret;
use super::plan::{Content, MAX_PROBES, Plan, Task, matches};
use super::sender::{AttemptResult, DeliveryRequest, WebhookSender};
use crate::config::{Secret, WebhookConfig};
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::instant::Instant;
use crate::store::events::{self, ChangeEvent, Positions};
use crate::store::webhook_deliveries::{DEAD, DELIVERED, DeliveryRow, WAITING};
use crate::store::webhook_leases::{self, BatchResult, LeasedWebhook};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Store, Transaction};
use crate::telemetry::metrics;

/// Events that a batch reads, and deliveries that it attempts.
const BATCH: usize = 256;
/// Waiting deliveries above which a batch reads no new events.
const MAX_WAITING: usize = 1000;
/// Chats that a batch delivers concurrently.
const CONCURRENT_CHATS: usize = 8;
/// How long a batch starts new attempts.
const BATCH_DURATION: Duration = Duration::from_secs(15);
/// The longest backoff of an endpoint.
const MAX_ENDPOINT_BACKOFF: Duration = Duration::from_secs(60);
/// How long a webhook without work is not leased again.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// Delivers batches.
pub(super) struct Worker<S> {
    pub(super) store: Store,
    pub(super) keys: SigningKeys,
    pub(super) settings: WebhookConfig,
    pub(super) sender: S,
    pub(super) closing: CancellationToken,
}

/// A batch in progress.
struct Batch<'w, S> {
    worker: &'w Worker<S>,
    org: OrgId,
    lease: LeasedWebhook,
    /// `None` when its signing key is removed.
    secret: Option<Secret>,
    started: Clock,
    delivered: AtomicUsize,
    failed: AtomicUsize,
}

impl<S: WebhookSender> Worker<S> {
    /// Delivers a batch, unless another process holds the webhook's lease.
    pub(super) async fn deliver_batch(&self, org: OrgId, webhook: &WebhookId) -> Result<()> {
        let (id, holder, started) = (webhook.clone(), Uuid::now_v7(), Clock::now());
        // Includes the time for the last response and for storing the result.
        let duration = BATCH_DURATION + self.settings.timeout * 2 + Duration::from_secs(10);
        let acquire = move |tx: &mut Transaction<'_>| webhook_leases::acquire(tx, org, &id, holder, duration);
        let Some(lease) = self.store.write(org, acquire).await? else { return Ok(()) };
        let secret = secret(&self.keys, org, &lease.webhook);
        let (delivered, failed) = Default::default();
        let batch = Batch { worker: self, org, lease, secret, started, delivered, failed };
        let result = batch.run().await?;
        let id = webhook.clone();
        let release = move |tx: &mut Transaction<'_>| webhook_leases::release(tx, org, &id, holder, &result);
        let id = webhook.clone();
        let find = move |connection: &mut _| webhooks::find(connection, org, &id);
        // A webhook that was deleted meanwhile has no lease either.
        if !self.store.write(org, release).await? && self.store.read(find).await?.is_some() {
            tracing::warn!(%webhook, "the lease expired during a batch; its deliveries may be repeated");
        }
        Ok(())
    }
}

impl<S: WebhookSender> Batch<'_, S> {
    async fn run(&self) -> Result<BatchResult> {
        let waiting = self.waiting().await?;
        let is_full = waiting.len() >= MAX_WAITING;
        let started = Instant::now();
        let mut plan = Plan::new(waiting, self.is_failing(), started);
        self.load_events(&mut plan).await?;
        let positions = if is_full { self.lease.positions } else { self.add_new_events(&mut plan).await? };
        let Plan { chats, deferred, outage, .. } = plan;
        let attempted: Vec<Vec<DeliveryRow>> = stream::iter(chats)
            .map(|tasks| self.deliver_chat(tasks))
            .buffer_unordered(if self.is_failing() { 1 } else { CONCURRENT_CHATS })
            .collect()
            .await;
        let mut deliveries: Vec<_> = attempted.into_iter().flatten().chain(deferred).collect();
        if self.is_outage() {
            outage.count_attempt(&mut deliveries, started, &self.worker.settings);
        }
        Ok(self.result(positions, deliveries))
    }

    async fn waiting(&self) -> Result<Vec<DeliveryRow>> {
        let (org, id) = (self.org, self.lease.webhook.webhook_id.clone());
        let limit = i64::try_from(MAX_WAITING + BATCH).unwrap_or(i64::MAX);
        let read = move |connection: &mut _| webhook_leases::waiting(connection, org, &id, limit);
        self.worker.store.read(read).await
    }

    /// Loads the events of the first deliveries of the plan.
    async fn load_events(&self, plan: &mut Plan) -> Result<()> {
        let ids: Vec<i64> = plan.chats.iter().flatten().map(|task| task.row.event_id).take(BATCH).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let (org, count) = (self.org, ids.len());
        let read = move |connection: &mut _| events::by_ids(connection, org, &ids);
        let found: Vec<ChangeEvent> = self.worker.store.read(read).await?;
        let mut found: BTreeMap<i64, _> = found.into_iter().map(|event| (event.event_id, event)).collect();
        for task in plan.chats.iter_mut().flatten().take(count) {
            task.content = found.remove(&task.row.event_id).map_or(Content::Expired, Content::Loaded);
        }
        Ok(())
    }

    /// Adds the events after the webhook's positions. Returns the new positions.
    async fn add_new_events(&self, plan: &mut Plan) -> Result<Positions> {
        let (org, store) = (self.org, &self.worker.store);
        let head = store.read(move |connection| events::head(connection, org)).await?;
        let ranges = self.lease.positions.ranges(&head.last, BATCH);
        let end = self.lease.positions.after_ranges(&ranges);
        let ranges: Vec<_> = ranges.into_iter().map(|range| (org, range)).collect();
        let events = store.read(move |connection| events::of_ranges(connection, &ranges)).await?;
        let matching = events.into_iter().filter(|event| matches(&self.lease.webhook, event));
        matching.for_each(|event| plan.add(event));
        Ok(end)
    }

    /// Delivers the events of one chat in order, up to the first that fails.
    async fn deliver_chat(&self, tasks: Vec<Task>) -> Vec<DeliveryRow> {
        let mut rows = Vec::with_capacity(tasks.len());
        // When the remaining deliveries are due, once one has failed.
        let mut blocked_until = None;
        for Task { mut row, content } in tasks {
            let may_attempt = blocked_until.is_none() && self.may_continue();
            match if may_attempt { content } else { Content::NotLoaded } {
                Content::Loaded(event) => {
                    let result = self.attempt(event).await;
                    self.record(&mut row, result);
                    let is_delivered = row.state == DELIVERED;
                    blocked_until = (!is_delivered).then(|| row.next_attempt_at.unwrap_or_else(Instant::now));
                }
                Content::Expired => {
                    row.state = DEAD.to_owned();
                    row.error = Some("the event has expired".to_owned());
                    row.next_attempt_at = None;
                }
                Content::NotLoaded => {
                    row.next_attempt_at = Some(*blocked_until.get_or_insert_with(Instant::now));
                }
            }
            rows.push(row);
        }
        rows
    }

    async fn attempt(&self, event: ChangeEvent) -> AttemptResult {
        let Some(secret) = self.secret.clone() else {
            return AttemptResult::NoResponse("the signing key of the secret was removed: rotate the secret");
        };
        let WebhookRow { webhook_id, url, .. } = &self.lease.webhook;
        let (webhook, url) = (webhook_id.clone(), url.clone());
        self.worker.sender.send(&DeliveryRequest { org: self.org, webhook, url, secret, event }).await
    }

    /// Stores the result of an attempt in the row.
    fn record(&self, row: &mut DeliveryRow, result: AttemptResult) {
        let (now, settings) = (Instant::now(), &self.worker.settings);
        row.attempts = row.attempts.saturating_add(1);
        row.attempted_at = Some(now);
        (row.status, row.error) = match result {
            AttemptResult::Status(status) => (Some(i32::from(status)), None),
            AttemptResult::NoResponse(reason) => (None, Some(reason.to_owned())),
        };
        let is_delivered = matches!(result, AttemptResult::Status(200..=299));
        let is_last = u32::try_from(row.attempts).is_ok_and(|attempts| attempts >= settings.max_attempts);
        let (state, outcome) = match (is_delivered, is_last) {
            (true, _) => (DELIVERED, "delivered"),
            (false, true) => (DEAD, "dead"),
            (false, false) => (WAITING, "failed"),
        };
        state.clone_into(&mut row.state);
        let retry_at = || now.later_by(backoff::jittered(row.attempts, settings.initial_backoff));
        row.next_attempt_at = (state == WAITING).then(retry_at);
        let counter = if is_delivered { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        metrics::webhook_attempted(outcome);
    }

    fn counts(&self) -> (usize, usize) {
        (self.delivered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Whether the previous batch delivered nothing.
    fn is_failing(&self) -> bool {
        self.lease.failures > 0
    }

    /// Whether all probes failed, or one failed after the longest endpoint backoff.
    fn is_outage(&self) -> bool {
        let backoff = backoff::ceiling(self.lease.failures, self.worker.settings.initial_backoff);
        let is_long = self.is_failing() && backoff >= MAX_ENDPOINT_BACKOFF;
        matches!(self.counts(), (0, failed) if failed >= MAX_PROBES || failed > 0 && is_long)
    }

    /// Whether the batch may start another attempt.
    fn may_continue(&self) -> bool {
        let is_outage = matches!(self.counts(), (0, failed) if failed >= MAX_PROBES);
        !is_outage && self.started.elapsed() < BATCH_DURATION && !self.worker.closing.is_cancelled()
    }

    fn result(&self, positions: Positions, deliveries: Vec<DeliveryRow>) -> BatchResult {
        let is_idle = deliveries.is_empty() && positions == self.lease.positions;
        let (failures, pause) = match self.counts() {
            (0, failed) if failed > 0 => {
                let failures = self.lease.failures.saturating_add(1);
                let backoff = backoff::jittered(failures, self.worker.settings.initial_backoff);
                (failures, Some(backoff.min(MAX_ENDPOINT_BACKOFF)))
            }
            (0, _) => (self.lease.failures, is_idle.then_some(IDLE_PAUSE)),
            _ => (0, None),
        };
        let retry_at = pause.map(|pause| Instant::now().later_by(pause));
        BatchResult { positions, failures, retry_at, deliveries }
    }
}
