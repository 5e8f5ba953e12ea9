//! Serves one webhook: several chats at a time, each in order, under renewed leases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::time::{Instant as Clock, sleep_until, timeout_at};

use super::router::{Routed, route};
use super::sender::{AttemptResult, WebhookSender};
use super::worker::{AttemptedChat, Leased, Worker};
use crate::error::{Error, Result};
use crate::store::webhook_queues::LEASE;
use crate::store::webhooks::WebhookRow;

/// Chats sent at a time, and that must fail before the endpoint counts as down.
const MAX_CHATS: usize = 8;
/// The same for an endpoint whose last attempts failed.
const MAX_PROBES: usize = 2;

/// How long after its start a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(2);

/// A run: what one process does for one webhook while there is work.
pub(super) struct Run<S> {
    worker: Arc<Worker<S>>,
    /// Signals new work.
    wake: Arc<Notify>,
    /// The leased chats, and when the oldest of their leases began.
    held: BTreeSet<i64>,
    leased_at: Clock,
    /// Whether the last attempts failed when a lease was taken.
    was_failing: bool,
    /// The chats that failed since the endpoint accepted a delivery, and the last result.
    failed: BTreeSet<i64>,
    last_failure: Option<AttemptResult>,
}

impl<S: WebhookSender> Run<S> {
    pub(super) fn new(worker: Worker<S>, wake: Arc<Notify>) -> Self {
        Self {
            worker: Arc::new(worker),
            wake,
            held: BTreeSet::new(),
            leased_at: Clock::now(),
            was_failing: false,
            failed: BTreeSet::new(),
            last_failure: None,
        }
    }

    /// Delivers until nothing is due or the endpoint is down, and stores whether it fails.
    ///
    /// # Errors
    ///
    /// The database does not respond, or a lease was lost. Other runs continue when the leases have expired.
    pub(super) async fn serve(mut self) -> Result<()> {
        self.deliver().await?;
        match self.last_failure {
            Some(failure) => self.worker.failed(failure, self.is_down()).await,
            None => Ok(()),
        }
    }

    async fn deliver(&mut self) -> Result<()> {
        let worker = Arc::clone(&self.worker);
        let mut sending = FuturesUnordered::new();
        loop {
            let (started, mut has_more) = (Clock::now(), false);
            if let Some(leased) = self.lease(started).await? {
                has_more = leased.has_more;
                self.was_failing = leased.webhook.failing_since.is_some();
                for chat in leased.chats {
                    self.held.insert(chat.chat_key);
                    sending.push(worker.send_chat(Arc::clone(&leased.webhook), chat, started));
                }
            }
            if has_more {
                // Between batches of events, attempts in progress go on and leases are renewed.
                self.wake.notify_one();
            } else if sending.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = sleep_until(self.leased_at + RENEWAL) => self.renew().await?,
                Some(attempted) = sending.next() => {
                    let mut attempted = vec![attempted];
                    while let Some(Some(next)) = sending.next().now_or_never() {
                        attempted.push(next);
                    }
                    self.store(attempted).await?;
                }
                () = self.wake.notified() => {}
            }
        }
    }

    /// Leases due chats, as far as the limit allows. Adds a batch of new events to the queue when it has none.
    async fn lease(&mut self, started: Clock) -> Result<Option<Leased>> {
        let held = self.held.len();
        if self.worker.stop.is_cancelled() || self.is_down() || held >= MAX_CHATS {
            return Ok(None);
        }
        if held == 0 {
            self.leased_at = started;
        }
        let room = move |webhook: &WebhookRow| {
            let limit = if webhook.failing_since.is_some() { MAX_PROBES } else { MAX_CHATS };
            limit.saturating_sub(held)
        };
        let worker = Arc::clone(&self.worker);
        let lease = async move {
            let leased = worker.lease(room).await?;
            let needs_events =
                leased.as_ref().is_some_and(|leased| leased.chats.is_empty() && room(&leased.webhook) > 0);
            if !needs_events {
                return Ok(leased);
            }
            match route(&worker.shared.store, worker.org, &worker.webhook).await? {
                Routed::Added => worker.lease(room).await,
                Routed::Skipped => Ok(leased.map(|leased| Leased { has_more: true, ..leased })),
                Routed::End => Ok(leased),
            }
        };
        self.before_expiry(lease).await
    }

    /// Stores the results of chats and releases them.
    async fn store(&mut self, attempted: Vec<AttemptedChat>) -> Result<()> {
        let is_accepted = attempted.iter().any(|chat| chat.is_delivered);
        if is_accepted {
            self.failed.clear();
            self.last_failure = None;
        }
        for chat in &attempted {
            self.held.remove(&chat.chat_key);
            if let Some(failure) = chat.failure.filter(|_| !is_accepted) {
                self.failed.insert(chat.chat_key);
                self.last_failure = Some(failure);
            }
        }
        self.before_expiry(self.worker.store(attempted)).await?;
        if is_accepted && self.was_failing {
            self.worker.succeeded().await?;
        }
        Ok(())
    }

    /// Renews the leases before they expire.
    async fn renew(&mut self) -> Result<()> {
        let started = Clock::now();
        let held = self.held.iter().copied().collect();
        if !self.before_expiry(self.worker.renew(held)).await? {
            return Err(Error::internal("a lease was lost: its deliveries may be repeated"));
        }
        self.leased_at = started;
        Ok(())
    }

    /// Awaits the database while the leases are valid. After that, another run may hold them.
    async fn before_expiry<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let result = timeout_at(self.leased_at + LEASE, work).await;
        result.map_err(|_| Error::internal("the leases expired: their deliveries may be repeated"))?
    }

    /// Whether the endpoint failed for several chats since it accepted a delivery.
    fn is_down(&self) -> bool {
        self.failed.len() >= if self.was_failing { MAX_PROBES } else { MAX_CHATS }
    }
}
