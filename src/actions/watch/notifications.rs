//! Wakes the publisher when this instance or another one has written events.
//!
//! Other instances are notified after the commit, in a transaction of its own. `NOTIFY` holds a lock until its transaction is
//! on disk, so notifying writers would commit one after the other: at 32 connections, a tenth of the throughput.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::config::Secret;
use crate::error::Result;
use crate::reloading::Reloading;
use crate::store::{Listener, Store, events};
use crate::telemetry::causes;

/// Minimum time between two notifications of this instance.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(20);

/// Interval of polling the listener. A poll sends nothing to the database.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Pause before a broken listener reconnects.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// Signals new events. May signal without one, and may miss one.
pub(super) struct Notifications {
    store: Store,
    database_url: Reloading<Secret>,
    /// Distinguishes this instance's notifications from those of others.
    instance: String,
    wake: Notify,
}

impl Notifications {
    pub(super) fn new(store: Store, database_url: Reloading<Secret>) -> Self {
        let instance = format!("{:016x}", rand::random::<u64>());
        Self { store, database_url, instance, wake: Notify::new() }
    }

    /// Completes when there may be new events since the last call.
    pub(super) async fn received(&self) {
        self.wake.notified().await;
    }

    /// Signals that there may be new events.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Signals what this instance writes, here and to other instances.
    pub(super) async fn send(&self) -> Infallible {
        loop {
            self.store.wait_for_write().await;
            self.wake.notify_one();
            let instance = self.instance.clone();
            let sent = self.store.read(move |connection| events::notify(connection, &instance)).await;
            if let Err(error) = sent {
                tracing::warn!(reason = causes(&error), "notifying other instances of events failed");
            }
            sleep(NOTIFY_INTERVAL).await;
        }
    }

    /// Signals what other instances write.
    pub(super) async fn listen(&self) -> Infallible {
        loop {
            let Err(error) = self.listen_once().await;
            tracing::warn!(reason = causes(&error), "listening for events of other instances failed");
            sleep(RECONNECT_PAUSE).await;
        }
    }

    async fn listen_once(&self) -> Result<Infallible> {
        let mut listener = Listener::new(self.database_url.get()).await?;
        // For notifications that were sent before the listener connected.
        self.wake.notify_one();
        loop {
            sleep(POLL_INTERVAL).await;
            if listener.was_notified(&self.instance)? {
                self.wake.notify_one();
            }
        }
    }
}
