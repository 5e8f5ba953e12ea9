//! Wakes the tasks of connections that this process serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ids::{ConnectionId, OrgId, SessionId};

/// What the tasks of one connection wait for.
#[derive(Debug, Default)]
pub struct Wake {
    /// There are events to map.
    pub events: Notify,
    /// A sync is due.
    pub sync: Notify,
    /// The gateway may answer again.
    pub line: Notify,
    /// There are messages or commands to send.
    pub sends: Arc<Notify>,
    /// There are media files to fetch.
    pub media: Arc<Notify>,
}

/// A served connection: its organization, its session, and its tasks.
type Served = (OrgId, SessionId, Arc<Wake>);

/// The connections that this process serves. Cheap to clone.
#[derive(Clone, Default)]
pub struct Wakes {
    served: Arc<Mutex<HashMap<ConnectionId, Served>>>,
    search: Arc<Notify>,
}

impl Wakes {
    /// Adds a connection, until [`remove`](Self::remove).
    pub(super) fn add(&self, org: OrgId, id: ConnectionId, session: SessionId) -> Arc<Wake> {
        let wake = Arc::<Wake>::default();
        self.served().insert(id, (org, session, Arc::clone(&wake)));
        wake
    }

    /// Removes a connection.
    pub(super) fn remove(&self, id: &ConnectionId) {
        self.served().remove(id);
    }

    /// Whether this process serves the connection.
    pub(super) fn has(&self, id: &ConnectionId) -> bool {
        self.served().contains_key(id)
    }

    /// The connections, with their organizations.
    pub(super) fn all(&self) -> Vec<(OrgId, ConnectionId)> {
        self.served().iter().map(|(id, (org, ..))| (*org, id.clone())).collect()
    }

    /// The sessions, with their organizations.
    pub(super) fn sessions(&self) -> Vec<(OrgId, SessionId)> {
        self.served().values().map(|(org, session, _)| (*org, *session)).collect()
    }

    /// Starts a search for connections without a worker: one was created or enabled.
    pub fn wake_search(&self) {
        self.search.notify_one();
    }

    /// Waits for [`wake_search`](Self::wake_search).
    pub(super) async fn search_due(&self) {
        self.search.notified().await;
    }

    /// Wakes the mapping of a connection's events, if this process serves it.
    pub fn wake_events(&self, id: &ConnectionId) {
        if let Some((.., wake)) = self.served().get(id) {
            wake.events.notify_one();
        }
    }

    /// Wakes the sync of a connection and asks for the state of its line, if this process serves it.
    pub(super) fn wake_sync(&self, id: &ConnectionId) {
        if let Some((.., wake)) = self.served().get(id) {
            wake.line.notify_one();
            wake.sync.notify_one();
        }
    }

    /// Wakes the outbox of a session, if this process serves its connection.
    pub fn wake_sends(&self, org: OrgId, session: SessionId) {
        let served = self.served();
        let of_session = served.values().filter(|(of, its, _)| (*of, *its) == (org, session));
        of_session.for_each(|(.., wake)| wake.sends.notify_one());
    }

    fn served(&self) -> MutexGuard<'_, HashMap<ConnectionId, Served>> {
        // Nothing panics while the lock is held.
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
