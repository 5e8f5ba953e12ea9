//! How watchers are woken: at once by what this instance wrote, and through PostgreSQL by what others wrote.
//!
//! The others are told after the commit and not by it. `NOTIFY` takes a lock that it holds while its transaction reaches the
//! disk, so that writers who notified would commit one after the other: at 32 connections, a tenth of what they do without.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::config::Secret;
use crate::error::Result;
use crate::reloading::Reloading;
use crate::store::{Listener, Store, events};
use crate::telemetry::causes;

/// How much of what this instance writes is told of together.
const TOGETHER: Duration = Duration::from_millis(20);

/// How often it is looked whether others told something. That asks the database nothing.
const LISTENING: Duration = Duration::from_millis(10);

/// How long a connection that broke is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Wakes whoever waits for events, now and then without a reason, and not always when there is one.
pub(super) struct Wake {
    store: Store,
    database_url: Reloading<Secret>,
    /// Tells apart what this instance said itself.
    instance: String,
    rung: Notify,
}

impl Wake {
    pub(super) fn new(store: Store, database_url: Reloading<Secret>) -> Self {
        let instance = format!("{:016x}", rand::random::<u64>());
        Self { store, database_url, instance, rung: Notify::new() }
    }

    /// Completes when there may be something new since it did last.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Tells what this instance writes.
    pub(super) async fn tell(&self) -> Infallible {
        loop {
            self.store.wait_for_write().await;
            self.rung.notify_one();
            let instance = self.instance.clone();
            let told = self.store.read(move |connection| events::ring(connection, &instance)).await;
            if let Err(error) = told {
                tracing::warn!(reason = causes(&error), "other instances could not be told of events");
            }
            sleep(TOGETHER).await;
        }
    }

    /// Listens to what others tell.
    pub(super) async fn listen(&self) -> Infallible {
        loop {
            let Err(error) = self.listen_once().await;
            tracing::warn!(reason = causes(&error), "other instances are not heard for a while");
            sleep(PAUSE).await;
        }
    }

    async fn listen_once(&self) -> Result<Infallible> {
        let mut bell = Listener::new(self.database_url.get()).await?;
        // What was told before was not heard.
        self.rung.notify_one();
        loop {
            sleep(LISTENING).await;
            if bell.rang(&self.instance)? {
                self.rung.notify_one();
            }
        }
    }
}
