//! Schedules webhook deliveries: finds webhooks with due work and runs a worker for each.
//!
//! Webhooks are served independently, within a limit per process and per organization, so an unresponsive endpoint delays
//! no other. Its undelivered events stay in the event log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::sender::WebhookSender;
use super::worker::Worker;
use crate::config::WebhookConfig;
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::store::{Store, webhook_leases};
use crate::telemetry::causes;

/// Webhooks that one process serves at a time.
const MAX_CONCURRENT: usize = 128;
/// The same for one organization, to leave room for others.
const MAX_CONCURRENT_PER_ORG: usize = 16;

/// Pause between polls for due webhooks.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The same after a batch.
const SHORT_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Sends change events to webhooks.
pub struct Dispatcher<S> {
    worker: Arc<Worker<S>>,
    running: Running,
}

impl<S: WebhookSender> Dispatcher<S> {
    /// A dispatcher that stops when `closing` is cancelled.
    pub fn new(
        store: Store,
        keys: SigningKeys,
        settings: WebhookConfig,
        sender: S,
        closing: CancellationToken,
    ) -> Self {
        let worker = Arc::new(Worker { store, keys, settings, sender, closing });
        Self { worker, running: Running::default() }
    }

    /// Delivers until `closing` is cancelled, then waits for the attempts in progress.
    pub async fn run(mut self) {
        let closing = self.worker.closing.clone();
        while !closing.is_cancelled() {
            if let Err(error) = self.poll().await {
                tracing::warn!(reason = causes(&error), "polling for due webhooks failed");
            }
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                true = self.running.next_finished() => sleep(SHORT_POLL_INTERVAL).await,
                () = closing.cancelled() => {}
            }
            self.running.remove_finished();
        }
        while self.running.next_finished().await {}
    }

    /// Starts a worker for each due webhook, within the limits.
    async fn poll(&mut self) -> Result<()> {
        if self.running.capacity() == 0 {
            return Ok(());
        }
        // Repeated when one organization's webhooks filled the result, and it has reached its limit now.
        loop {
            let (capacity, full_orgs) = (self.running.capacity(), self.running.full_orgs());
            let limit = i64::try_from(capacity).unwrap_or(i64::MAX);
            let read = move |connection: &mut _| webhook_leases::due(connection, &full_orgs, limit);
            let due = self.worker.store.read(read).await?;
            let is_complete = due.len() < capacity;
            let mut started = 0;
            for (org, webhook) in due {
                if self.running.has_capacity(org) && !self.running.contains(&webhook) {
                    self.start(org, webhook);
                    started += 1;
                }
            }
            if is_complete || started == 0 || self.running.capacity() == 0 {
                return Ok(());
            }
        }
    }

    fn start(&mut self, org: OrgId, webhook: WebhookId) {
        let (worker, id) = (Arc::clone(&self.worker), webhook.clone());
        self.running.spawn(org, webhook, async move {
            if let Err(error) = worker.deliver_batch(org, &id).await {
                tracing::warn!(webhook = %id, reason = causes(&error), "delivering to a webhook failed");
            }
        });
    }
}

/// The running workers and the webhooks that they serve.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    webhooks: HashMap<Id, (OrgId, WebhookId)>,
}

impl Running {
    fn spawn(&mut self, org: OrgId, webhook: WebhookId, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.webhooks.insert(id, (org, webhook));
    }

    /// Waits until a worker finishes; `false` when none is running.
    async fn next_finished(&mut self) -> bool {
        let Some(finished) = self.tasks.join_next_with_id().await else { return false };
        self.remove(finished);
        true
    }

    fn remove_finished(&mut self) {
        while let Some(finished) = self.tasks.try_join_next_with_id() {
            self.remove(finished);
        }
    }

    fn remove(&mut self, finished: std::result::Result<(Id, ()), JoinError>) {
        self.webhooks.remove(&finished.map_or_else(|error| error.id(), |(id, ())| id));
    }

    /// How many more workers may start.
    fn capacity(&self) -> usize {
        MAX_CONCURRENT.saturating_sub(self.webhooks.len())
    }

    fn contains(&self, webhook: &WebhookId) -> bool {
        self.webhooks.values().any(|(_, running)| running == webhook)
    }

    fn has_capacity(&self, org: OrgId) -> bool {
        self.webhooks.values().filter(|(of, _)| *of == org).count() < MAX_CONCURRENT_PER_ORG
    }

    /// The organizations that have reached their limit.
    fn full_orgs(&self) -> Vec<OrgId> {
        let mut orgs: Vec<OrgId> = self.webhooks.values().map(|(org, _)| *org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        orgs.retain(|org| !self.has_capacity(*org));
        orgs
    }
}
