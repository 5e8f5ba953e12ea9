//! Serves one connection while this process holds its lease.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant as Clock, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::kinds::Kinds;
use super::lease::{Lease, Leased};
use super::media::Fetcher;
use super::outbox::{self, Files, Outbox};
use super::wakes::Wakes;
use super::{line, lookups, mapping, sync};
use crate::actions::connections::ConnectionRow;
use crate::error::Result;
use crate::ids::{ConnectionId, OrgId};
use crate::instant::Instant;
use crate::store::connection_leases::{LEASE, Renewal, set_status};
use crate::store::{Lane, Store};
use crate::telemetry::causes;

/// How often the lease is renewed.
const RENEWAL: Duration = Duration::from_secs(2);
/// Pause before a task that panicked starts again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How long the tasks may take to finish. Less than what is left of a lease after a renewal.
const GRACE: Duration = Duration::from_secs(3);
/// Questions to the gateway that wait; more are dropped, and asked again by later events.
const MAX_LOOKUPS: usize = 1000;

/// What all workers share.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) wakes: Wakes,
    kinds: Kinds,
    fetcher: Fetcher,
    keeps_deleted_text: bool,
    /// Bounds the syncs that write at a time, so that live events always find a connection to the database.
    sync_writers: Arc<Semaphore>,
}

/// A worker that has acquired the lease of its connection.
pub(super) struct Worker {
    shared: Arc<Shared>,
    lease: Lease,
    row: ConnectionRow,
    expires: Clock,
    /// The last request for a sync that its task was woken for.
    sync_requested_at: Option<Instant>,
}

impl Shared {
    pub(super) fn new(
        store: Store,
        kinds: Kinds,
        wakes: Wakes,
        fetcher: Fetcher,
        keeps_deleted_text: bool,
    ) -> Self {
        let writers = (store.with_lane(Lane::Ingest).connections() / 2).max(1);
        let sync_writers = Arc::new(Semaphore::new(writers as usize));
        Self { store, wakes, kinds, fetcher, keeps_deleted_text, sync_writers }
    }
}

impl Worker {
    /// Acquires the lease; `None` while another process holds it.
    pub(super) async fn acquire(
        shared: &Arc<Shared>,
        org: OrgId,
        connection: ConnectionId,
    ) -> Result<Option<Self>> {
        let expires = Clock::now() + LEASE;
        let acquired = Lease::acquire(&shared.store, org, connection).await?;
        Ok(acquired.map(|(lease, row)| {
            let sync_requested_at = row.sync_requested_at;
            Self { shared: Arc::clone(shared), lease, row, expires, sync_requested_at }
        }))
    }

    /// Serves the connection until `closing` is cancelled, its settings change, or the lease is lost.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        let (org, id, session) = (self.lease.org, self.lease.connection.clone(), self.row.session_id);
        let wake = self.shared.wakes.add(org, id.clone(), session);
        let stop = closing.child_token();
        let mut tasks = JoinSet::new();
        match self.shared.kinds.gateway(&self.row) {
            Ok(Some(gateway)) => {
                let (store, keeps) = (&self.shared.store, self.shared.keeps_deleted_text);
                let leased = Leased::new(store, org, self.row.clone(), gateway, wake, keeps);
                self.start(&mut tasks, &leased, &stop);
            }
            Ok(None) => {}
            Err(error) => self.report(&error.message()).await,
        }
        let is_held = self.hold(&closing).await;
        stop.cancel();
        if is_held
            && tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await.is_ok()
        {
            self.shared.wakes.remove(&id);
            if let Err(error) = self.lease.release(&self.shared.store).await {
                tracing::warn!(
                    reason = causes(&error),
                    "the lease of a connection was not released; it expires"
                );
            }
        } else {
            // Another process serves the connection from now on, or as soon as the lease expires.
            tasks.shutdown().await;
            self.shared.wakes.remove(&id);
        }
    }

    /// Starts the tasks of the connection.
    fn start(&self, tasks: &mut JoinSet<()>, leased: &Leased, stop: &CancellationToken) {
        let (sender, receiver) = mpsc::channel(MAX_LOOKUPS);
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        let kinds = self.shared.kinds.clone();
        let writers = Arc::clone(&self.shared.sync_writers);
        let (mapped, synced) = (leased.clone(), leased.clone());
        let (of_sync, stop_mapping) = (sender.clone(), stop.clone());
        tasks.spawn(keep_running("mapping events", stop.clone(), move || {
            mapping::run(mapped.clone(), sender.clone(), stop_mapping.clone())
        }));
        let stop_sync = stop.clone();
        tasks.spawn(keep_running("syncing", stop.clone(), move || {
            sync::run(synced.clone(), of_sync.clone(), Arc::clone(&writers), stop_sync.clone())
        }));
        let (outbox, sends, stop_sends) = (
            Outbox::new(leased, Files::new(self.shared.fetcher.media.clone(), kinds.public_http.clone())),
            Arc::clone(&leased.wake.sends),
            stop.clone(),
        );
        tasks.spawn(keep_running("sending", stop.clone(), move || {
            outbox::run(outbox.clone(), Arc::clone(&sends), stop_sends.clone())
        }));
        let (asking, stop_lookups) = (leased.clone(), stop.clone());
        tasks.spawn(keep_running("asking the gateway", stop.clone(), move || {
            lookups::run(asking.clone(), Arc::clone(&receiver), stop_lookups.clone())
        }));
        let (fetcher, fetching, stop_media) = (self.shared.fetcher.clone(), leased.clone(), stop.clone());
        tasks.spawn(keep_running("fetching media files", stop.clone(), move || {
            let Leased { org, session, gateway, row, wake, .. } = fetching.clone();
            let (wake, gateway) = (Arc::clone(&wake.media), (gateway, row.url.clone()));
            fetcher.clone().serve((org, session), gateway, wake, stop_media.clone())
        }));
        let (watched, stop_line) = (leased.clone(), stop.clone());
        tasks.spawn(keep_running("watching the line", stop.clone(), move || {
            line::run(watched.clone(), kinds.clone(), stop_line.clone())
        }));
    }

    /// Renews the lease. Returns whether it is still held: `closing` was cancelled, or the settings changed.
    async fn hold(&mut self, closing: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = sleep(RENEWAL) => {}
                () = closing.cancelled() => return true,
            }
            let expires = Clock::now() + LEASE;
            match timeout_at(self.expires, self.lease.renew(&self.shared.store)).await {
                Ok(Ok(Some(renewal))) => {
                    self.expires = expires;
                    if !renewal.enabled || renewal.revision != self.row.revision {
                        return true;
                    }
                    self.wake_sync(&renewal);
                }
                // The lease is held until it expires.
                Ok(Err(error)) => {
                    tracing::warn!(reason = causes(&error), "renewing the lease of a connection failed");
                }
                Ok(Ok(None)) | Err(_) => return false,
            }
        }
    }

    fn wake_sync(&mut self, renewal: &Renewal) {
        if renewal.sync_requested_at > self.sync_requested_at {
            self.sync_requested_at = renewal.sync_requested_at;
            self.shared.wakes.wake_sync(&self.lease.connection);
        }
    }

    /// Shows why the connection cannot be served.
    async fn report(&self, reason: &str) {
        let (org, id, reason) = (self.lease.org, self.lease.connection.clone(), reason.to_owned());
        let write = move |tx: &mut crate::store::Transaction<'_>| {
            set_status(tx, org, &id, ("disconnected", &reason), None).map(drop)
        };
        if let Err(error) = self.shared.store.write(org, write).await {
            tracing::warn!(reason = causes(&error), "the status of a connection was not stored");
        }
    }
}

/// Runs a task until `stop` is cancelled; one that panics starts again.
async fn keep_running<F: Future<Output = ()>>(
    what: &'static str,
    stop: CancellationToken,
    task: impl Fn() -> F,
) {
    while AssertUnwindSafe(task()).catch_unwind().await.is_err() && !stop.is_cancelled() {
        tracing::error!(what, "a task of a connection panicked and starts again");
        sleep(RESTART_PAUSE).await;
    }
}
