//! Schedules webhook deliveries: finds webhooks with due work, and starts a run for each.
//!
//! Webhooks are served independently, within a limit per process and per organization, so an unresponsive endpoint delays
//! no other. A run that reached its minimum duration ends when others wait for its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant as Clock, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run::Run;
use super::sender::WebhookSender;
use super::worker::{Shared, Worker};
use crate::config::WebhookConfig;
use crate::cursor::SigningKeys;
use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::store::{Store, webhook_queues};
use crate::telemetry::causes;

/// Webhooks that one process serves at a time.
const MAX_CONCURRENT: usize = 128;
/// The same for one organization, to leave room for others.
const MAX_CONCURRENT_PER_ORG: usize = 16;

/// Webhooks that a poll returns.
const MAX_DUE: i64 = 256;

/// How long a run may keep its place while others wait for one.
const RUN_DURATION: Duration = Duration::from_secs(5);

/// Pause between polls for due webhooks.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The same after a run.
const SHORT_POLL_INTERVAL: Duration = Duration::from_millis(50);

// Another instance continues the work of a killed one within 10 seconds.
const _: () = assert!(webhook_queues::LEASE.as_millis() + POLL_INTERVAL.as_millis() < 10_000);

/// Sends change events to webhooks.
pub struct Dispatcher<S> {
    shared: Arc<Shared<S>>,
    closing: CancellationToken,
    runs: BTreeMap<WebhookId, RunHandle>,
    /// Signals the end of a run.
    ended: Arc<Notify>,
}

/// A webhook that is being served.
struct RunHandle {
    org: OrgId,
    started: Clock,
    wake: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
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
        let shared = Arc::new(Shared { store, keys, settings, sender });
        Self { shared, closing, runs: BTreeMap::new(), ended: Arc::default() }
    }

    /// Delivers until `closing` is cancelled, then waits for the attempts in progress.
    pub async fn run(mut self) {
        while !self.closing.is_cancelled() {
            if let Err(error) = self.poll().await {
                tracing::warn!(reason = causes(&error), "polling for due webhooks failed");
            }
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                () = self.ended.notified() => sleep(SHORT_POLL_INTERVAL).await,
                () = self.closing.cancelled() => {}
            }
        }
        for run in self.runs.into_values() {
            // An error means that it panicked.
            let _ = run.task.await;
        }
    }

    /// Starts or wakes a run for each due webhook, within the limits.
    async fn poll(&mut self) -> Result<()> {
        let due = self.shared.store.read(|connection| webhook_queues::due(connection, MAX_DUE)).await?;
        self.runs.retain(|_, run| !run.task.is_finished());
        for (org, webhook) in due {
            if let Some(run) = self.runs.get(&webhook) {
                run.wake.notify_one();
            } else if self.make_room(org) {
                self.start(org, webhook);
            }
        }
        Ok(())
    }

    /// Whether a run of the organization may start. If not, the oldest that stands in its way is stopped.
    fn make_room(&self, org: OrgId) -> bool {
        let is_org_full = self.runs.values().filter(|run| run.org == org).count() >= MAX_CONCURRENT_PER_ORG;
        if !is_org_full && self.runs.len() < MAX_CONCURRENT {
            return true;
        }
        let in_the_way = self.runs.values().filter(|run| {
            let is_old = run.started.elapsed() > RUN_DURATION;
            is_old && !run.stop.is_cancelled() && (run.org == org || !is_org_full)
        });
        if let Some(oldest) = in_the_way.min_by_key(|run| run.started) {
            oldest.stop.cancel();
        }
        false
    }

    fn start(&mut self, org: OrgId, webhook: WebhookId) {
        let (wake, stop) = (Arc::<Notify>::default(), self.closing.child_token());
        let (shared, holder, id) = (Arc::clone(&self.shared), Uuid::now_v7(), webhook.clone());
        let worker = Worker { shared, org, webhook: webhook.clone(), holder, stop: stop.clone() };
        let (run, ended) = (Run::new(worker, wake.clone()), Arc::clone(&self.ended));
        let task = tokio::spawn(async move {
            if let Err(error) = run.serve().await {
                tracing::warn!(webhook = %id, reason = causes(&error), "delivering to a webhook failed");
            }
            ended.notify_one();
        });
        self.runs.insert(webhook, RunHandle { org, started: Clock::now(), wake, stop, task });
    }
}
