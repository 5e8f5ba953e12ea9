//! Looks for commands that wait, once for all connectors of this instance, and wakes those whose numbers have some.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::ConnectorLease;
use crate::error::Result;
use crate::ids::{OrgId, SessionId};
use crate::store::Store;
use crate::store::commands as rows;
use crate::telemetry::causes;

/// How often it is looked: the longest that a command waits for a connector that is there.
const LOOK: Duration = Duration::from_millis(250);

/// The connectors of this instance that hold a number.
#[derive(Clone)]
pub struct CommandNotifier(Arc<Shared>);

struct Shared {
    store: Store,
    holders: Mutex<HashMap<Uuid, Holder>>,
    came: Notify,
}

struct Holder {
    number: (OrgId, SessionId),
    rung: Arc<Notify>,
}

/// Rings while commands wait for one holder, those that it was handed and has not answered among them.
pub struct CommandSignal {
    holder: Uuid,
    rung: Arc<Notify>,
    bells: CommandNotifier,
}

impl CommandNotifier {
    /// Nobody holds a number yet.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, holders: Mutex::default(), came: Notify::new() }))
    }

    /// A bell for whoever has that hold, for as long as the value lives.
    pub fn subscribe(&self, hold: &ConnectorLease) -> CommandSignal {
        let rung = Arc::new(Notify::new());
        let holder = Holder { number: (hold.org, hold.session), rung: rung.clone() };
        self.holders().insert(hold.holder, holder);
        self.0.came.notify_one();
        CommandSignal { holder: hold.holder, rung, bells: self.clone() }
    }

    /// Rings them until it is dropped. While nobody holds a number it asks the database nothing.
    pub async fn run(self) -> Infallible {
        loop {
            if self.holders().is_empty() {
                self.0.came.notified().await;
            }
            if let Err(error) = self.ring().await {
                tracing::warn!(reason = causes(&error), "commands could not be looked for");
            }
            sleep(LOOK).await;
        }
    }

    async fn ring(&self) -> Result<()> {
        let (orgs, sessions): (Vec<_>, Vec<_>) = self.holders().values().map(|holder| holder.number).unzip();
        let read = move |connection: &mut _| rows::sessions_with_some(connection, &orgs, &sessions);
        let called: BTreeSet<_> = self.0.store.read(read).await?.into_iter().collect();
        for holder in self.holders().values().filter(|holder| called.contains(&holder.number)) {
            holder.rung.notify_one();
        }
        Ok(())
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<Uuid, Holder>> {
        // Nothing panics while it is held.
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommandSignal {
    /// Completes when it rings.
    pub async fn notified(&self) {
        self.rung.notified().await;
    }
}

impl Drop for CommandSignal {
    fn drop(&mut self) {
        self.bells.holders().remove(&self.holder);
    }
}
