//! Polls for pending commands for all connectors, and wakes the lease holders.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::commands::ConnectorLease;
use crate::error::Result;
use crate::ids::{OrgId, SessionId};
use crate::store::{Store, commands};
use crate::telemetry::causes;

/// The longest delay of a command whose session has a connector.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Wakes lease holders.
#[derive(Clone)]
pub struct CommandNotifier(Arc<Shared>);

struct Shared {
    store: Store,
    holders: Mutex<HashMap<Uuid, Holder>>,
    subscribed: Notify,
}

struct Holder {
    session: (OrgId, SessionId),
    wake: Arc<Notify>,
}

/// Signals pending commands of one lease, unacknowledged ones included.
pub struct CommandSignal {
    holder: Uuid,
    wake: Arc<Notify>,
    notifier: CommandNotifier,
}

impl CommandNotifier {
    /// A notifier without subscribers.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, holders: Mutex::default(), subscribed: Notify::new() }))
    }

    /// Subscribes the lease until the signal is dropped.
    pub fn subscribe(&self, lease: &ConnectorLease) -> CommandSignal {
        let wake = Arc::new(Notify::new());
        let holder = Holder { session: (lease.org, lease.session), wake: wake.clone() };
        self.holders().insert(lease.holder, holder);
        self.0.subscribed.notify_one();
        CommandSignal { holder: lease.holder, wake, notifier: self.clone() }
    }

    /// Polls until the future is dropped. Without subscribers there are no queries.
    pub async fn run(self) -> Infallible {
        loop {
            if self.holders().is_empty() {
                self.0.subscribed.notified().await;
            }
            if let Err(error) = self.poll().await {
                tracing::warn!(reason = causes(&error), "polling for commands failed");
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn poll(&self) -> Result<()> {
        let (orgs, sessions): (Vec<_>, Vec<_>) = self.holders().values().map(|holder| holder.session).unzip();
        let read = move |connection: &mut _| commands::sessions_with_pending(connection, &orgs, &sessions);
        let pending: BTreeSet<_> = self.0.store.read(read).await?.into_iter().collect();
        for holder in self.holders().values().filter(|holder| pending.contains(&holder.session)) {
            holder.wake.notify_one();
        }
        Ok(())
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<Uuid, Holder>> {
        // Nothing panics while the lock is held.
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommandSignal {
    /// Completes when there are pending commands.
    pub async fn notified(&self) {
        self.wake.notified().await;
    }
}

impl Drop for CommandSignal {
    fn drop(&mut self) {
        self.notifier.holders().remove(&self.holder);
    }
}
