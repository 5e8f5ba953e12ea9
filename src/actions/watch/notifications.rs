//! Wakes the publisher when this instance or another one has written events.
//!
//! Other instances are notified after the commit, in a transaction of its own. `NOTIFY` holds a lock until its transaction is
//! on disk, so notifying writers would commit one after the other: at 32 connections, a tenth of the throughput.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use crate::config::Secret;
use crate::error::Result;
use crate::ids::OrgId;
use crate::reloading::Reloading;
use crate::store::{Changed, Listener, OrgSignal, Store, events};
use crate::telemetry::causes;

/// Minimum time between two notifications of this instance.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(20);

/// Interval of polling the listener. A poll sends nothing to the database.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Pause before a broken listener reconnects.
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// The most organizations of a notification, whose payload has a maximum size.
const MAX_NOTIFIED: usize = 200;

/// Signals the organizations with new events. May signal without one, and may miss one.
pub(super) struct Notifications {
    store: Store,
    database_url: Reloading<Secret>,
    /// Distinguishes this instance's notifications from those of others.
    instance: String,
    signal: OrgSignal,
}

impl Notifications {
    pub(super) fn new(store: Store, database_url: Reloading<Secret>) -> Self {
        let instance = format!("{:016x}", rand::random::<u64>());
        Self { store, database_url, instance, signal: OrgSignal::default() }
    }

    /// Completes when there may be new events since the last call, and returns whose.
    pub(super) async fn received(&self) -> Changed {
        self.signal.received().await
    }

    /// Signals that the organization may have new events.
    pub(super) fn wake(&self, org: OrgId) {
        self.signal.add(Changed::Orgs([org].into()));
    }

    /// Signals what this instance writes, here and to other instances.
    pub(super) async fn send(&self) -> Infallible {
        loop {
            let written = self.store.written().received().await;
            let payload = format!("{} {}", self.instance, to_text(&written));
            self.signal.add(written);
            let sent = self.store.read(move |connection| events::notify(connection, &payload)).await;
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
        self.signal.add(Changed::All);
        loop {
            sleep(POLL_INTERVAL).await;
            for payload in listener.payloads()? {
                match payload.split_once(' ') {
                    Some((instance, _)) if instance == self.instance => {}
                    Some((_, written)) => self.signal.add(from_text(written)),
                    None => self.signal.add(Changed::All),
                }
            }
        }
    }
}

/// The organizations, separated by commas; empty for all.
fn to_text(written: &Changed) -> String {
    match written {
        Changed::Orgs(orgs) if orgs.len() <= MAX_NOTIFIED => {
            orgs.iter().map(OrgId::to_string).collect::<Vec<_>>().join(",")
        }
        Changed::Orgs(_) | Changed::All => String::new(),
    }
}

fn from_text(written: &str) -> Changed {
    let orgs = written.split(',').map(str::parse).collect::<std::result::Result<_, _>>();
    orgs.map_or(Changed::All, Changed::Orgs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notification_names_organizations_or_all() {
        let orgs = |count: u128| Changed::Orgs((0..count).map(|n| uuid::Uuid::from_u128(n).into()).collect());
        for (written, read) in [(orgs(2), orgs(2)), (orgs(200), orgs(200)), (orgs(201), Changed::All)] {
            let text = to_text(&written);
            assert!(text.len() < 7900, "with the instance below the limit");
            assert_eq!(from_text(&text), read);
        }
        assert_eq!(from_text(&to_text(&Changed::All)), Changed::All);
    }
}
