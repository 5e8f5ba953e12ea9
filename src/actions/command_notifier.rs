//! Wakes the command streams of this instance: lease holders when there are commands, waiting streams when a lease is free.
//!
//! One poll serves all streams, however many they are.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use super::commands::ConnectorLease;
use crate::error::{Error, Kind, Result};
use crate::ids::{OrgId, SessionId};
use crate::store::{Connection, Store, StoreResult, commands};
use crate::telemetry::causes;

/// The longest delay of a command whose session has a connector, and of a waiting stream after a lease becomes free.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

type Session = (OrgId, SessionId);

/// Wakes streams.
#[derive(Clone)]
pub struct CommandNotifier(Arc<Shared>);

struct Shared {
    store: Store,
    streams: Mutex<HashMap<Uuid, Subscriber>>,
    /// Signals that the next poll is due now.
    due: Notify,
}

struct Subscriber {
    session: Session,
    /// Whether it waits for the lease instead of holding it.
    is_waiting: bool,
    wake: Arc<Notify>,
}

/// Wakes one stream until it is dropped.
pub struct CommandSignal {
    holder: Uuid,
    wake: Arc<Notify>,
    notifier: CommandNotifier,
}

impl CommandNotifier {
    /// A notifier without subscribers.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, streams: Mutex::default(), due: Notify::new() }))
    }

    /// Signals pending commands, unacknowledged ones included, to the holder of the lease.
    pub fn subscribe(&self, lease: &ConnectorLease) -> CommandSignal {
        self.add(&mut self.streams(), lease, false)
    }

    /// Signals that the lease may be free.
    ///
    /// # Errors
    ///
    /// Another stream of this instance waits for the session.
    pub fn wait(&self, lease: &ConnectorLease) -> Result<CommandSignal> {
        let mut streams = self.streams();
        let session = (lease.org, lease.session);
        if streams.values().any(|other| other.is_waiting && other.session == session) {
            return Err(Error::new(Kind::Aborted, "another stream waits for the lease of the session"));
        }
        Ok(self.add(&mut streams, lease, true))
    }

    /// Wakes the stream that waits for a lease that was just released.
    pub fn released(&self) {
        self.0.due.notify_one();
    }

    fn add(
        &self,
        streams: &mut HashMap<Uuid, Subscriber>,
        lease: &ConnectorLease,
        is_waiting: bool,
    ) -> CommandSignal {
        let wake = Arc::new(Notify::new());
        let session = (lease.org, lease.session);
        streams.insert(lease.holder, Subscriber { session, is_waiting, wake: wake.clone() });
        self.0.due.notify_one();
        CommandSignal { holder: lease.holder, wake, notifier: self.clone() }
    }

    /// Polls until the future is dropped. Without subscribers there are no queries.
    pub async fn run(self) -> Infallible {
        loop {
            if self.streams().is_empty() {
                self.0.due.notified().await;
            }
            if let Err(error) = self.poll().await {
                tracing::warn!(reason = causes(&error), "polling for commands failed");
            }
            // An error means that the pause is over.
            let _ = timeout(POLL_INTERVAL, self.0.due.notified()).await;
        }
    }

    async fn poll(&self) -> Result<()> {
        self.wake(false, commands::sessions_with_pending).await?;
        self.wake(true, commands::sessions_without_lease).await
    }

    /// Wakes those of the waiting or holding streams whose sessions are found.
    async fn wake<F>(&self, waiting: bool, find: F) -> Result<()>
    where
        F: Fn(&mut Connection, &[OrgId], &[SessionId]) -> StoreResult<Vec<Session>> + Send + 'static,
    {
        let sessions: BTreeSet<_> = {
            let streams = self.streams();
            streams.values().filter(|one| one.is_waiting == waiting).map(|one| one.session).collect()
        };
        if sessions.is_empty() {
            return Ok(());
        }
        let (orgs, sessions): (Vec<_>, Vec<_>) = sessions.into_iter().unzip();
        let found = self.0.store.read(move |connection| find(connection, &orgs, &sessions)).await?;
        let found: BTreeSet<_> = found.into_iter().collect();
        let is_found = |one: &&Subscriber| one.is_waiting == waiting && found.contains(&one.session);
        self.streams().values().filter(is_found).for_each(|one| one.wake.notify_one());
        Ok(())
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<Uuid, Subscriber>> {
        // Nothing panics while the lock is held.
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommandSignal {
    /// Completes when there is something for the stream to do.
    pub async fn notified(&self) {
        self.wake.notified().await;
    }
}

impl Drop for CommandSignal {
    fn drop(&mut self) {
        self.notifier.streams().remove(&self.holder);
    }
}
