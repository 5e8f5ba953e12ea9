//! Finds connections without a worker, and runs one for each under its lease.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant as Clock, sleep};
use tokio_util::sync::CancellationToken;

use super::kinds::{self, Kinds};
use super::media::Fetcher;
use super::wakes::Wakes;
use super::worker::{Shared, Worker};
use crate::error::Result;
use crate::ids::{ConnectionId, OrgId, SessionId};
use crate::store::{Lane, Store, commands, connection_leases, inbound_events};
use crate::telemetry::causes;

/// How long events and sends that another process stored wait at most, and sends after a pause.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Pause between searches for connections without a worker. With the time of a lease, it is how long a connection rests after
/// its process was killed.
const ACQUIRE_INTERVAL: Duration = Duration::from_secs(1);
// Another process serves the connections of a killed one within 10 seconds.
const _: () = {
    let rest = connection_leases::LEASE.as_millis() + ACQUIRE_INTERVAL.as_millis();
    assert!(rest + POLL_INTERVAL.as_millis() < 10_000);
};
/// Connections that one search acquires: several processes that start together share them.
const MAX_ACQUIRED: i64 = 16;
/// How long the workers may take to finish.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the workers of connections.
pub struct Workers {
    shared: Arc<Shared>,
    closing: CancellationToken,
    running: BTreeMap<ConnectionId, JoinHandle<()>>,
}

impl Workers {
    /// Workers that stop when `closing` is cancelled.
    pub fn new(
        store: &Store,
        kinds: Kinds,
        wakes: Wakes,
        fetcher: Fetcher,
        keeps_deleted_text: bool,
        closing: CancellationToken,
    ) -> Self {
        let shared =
            Shared::new(store.with_lane(Lane::Background), kinds, wakes, fetcher, keeps_deleted_text);
        Self { shared: Arc::new(shared), closing, running: BTreeMap::new() }
    }

    /// Serves connections until `closing` is cancelled, then waits for the workers.
    pub async fn run(mut self) {
        let mut next_search = Clock::now();
        while !self.closing.is_cancelled() {
            if Clock::now() >= next_search {
                log("searching for connections without a worker", self.acquire().await);
                next_search = Clock::now() + ACQUIRE_INTERVAL;
            }
            log("polling for events of gateways", self.wake().await);
            log("polling for sends and commands", self.wake_outboxes().await);
            tokio::select! {
                () = sleep(POLL_INTERVAL) => {}
                () = self.shared.wakes.search_due() => next_search = Clock::now(),
                () = self.closing.cancelled() => {}
            }
        }
        let ends = self.running.into_values();
        // An error means that a worker panicked or is late: its lease expires.
        let _ = tokio::time::timeout(GRACE, futures_util::future::join_all(ends)).await;
    }

    /// Starts a worker for each connection whose lease is free.
    async fn acquire(&mut self) -> Result<()> {
        self.running.retain(|_, worker| !worker.is_finished());
        let served: Vec<&str> =
            kinds::RULES.iter().filter(|rules| rules.is_served).map(|rules| rules.name).collect();
        let find = move |connection: &mut _| connection_leases::free(connection, &served, MAX_ACQUIRED);
        for (org, id) in self.shared.store.read(find).await? {
            if !self.running.contains_key(&id)
                && let Some(worker) = Worker::acquire(&self.shared, org, id.clone()).await?
            {
                let closing = self.closing.child_token();
                self.running.insert(id, tokio::spawn(worker.run(closing)));
            }
        }
        Ok(())
    }

    /// Wakes the workers of connections that have events to map.
    async fn wake(&self) -> Result<()> {
        let (orgs, ids): (Vec<OrgId>, Vec<ConnectionId>) = self.shared.wakes.all().into_iter().unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let find = move |connection: &mut _| inbound_events::with_received(connection, &orgs, &ids);
        let found = self.shared.store.read(find).await?;
        found.iter().for_each(|id| self.shared.wakes.wake_events(id));
        Ok(())
    }

    /// Wakes the outboxes of sessions that have something to send: of other processes, or after a pause.
    async fn wake_outboxes(&self) -> Result<()> {
        let (orgs, sessions): (Vec<OrgId>, Vec<SessionId>) = self.shared.wakes.sessions().into_iter().unzip();
        if sessions.is_empty() {
            return Ok(());
        }
        let find = move |connection: &mut _| commands::sessions_with_pending(connection, &orgs, &sessions);
        let found = self.shared.store.read(find).await?;
        found.iter().for_each(|(org, session)| self.shared.wakes.wake_sends(*org, *session));
        Ok(())
    }
}

fn log(what: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(reason = causes(&error), "{what} failed");
    }
}
