//! Checks in the background that the database has the required schema and accepts writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::Result;
use crate::store::readiness::{Schema, ServerRole};
use crate::store::{Connection, Store, readiness};
use crate::telemetry::metrics;

const OK: &str = "ok";

/// How often the database is checked while the service is ready, and not ready.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_NOT_READY: Duration = Duration::from_millis(250);

/// The time limit of one check.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The parts of readiness, as `/readyz` shows them.
/// The texts are constants: nothing of the database's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Checks {
    pub(super) process: &'static str,
    database: &'static str,
    schema: &'static str,
    writes: &'static str,
}

impl Checks {
    pub(super) const STARTING: Self = Self::without_database("not checked yet");
    pub(super) const DRAINING: &'static str = "draining";
    const UNREACHABLE: Self = Self::without_database("unreachable");
    const RESTARTING: Self = Self::without_database(
        "the programs of the embedded PostgreSQL changed on disk; it is being restarted",
    );

    const fn without_database(reason: &'static str) -> Self {
        Self { process: OK, database: reason, schema: "unknown", writes: "unknown" }
    }

    pub(super) fn is_ready(self) -> bool {
        self == Self { process: OK, database: OK, schema: Schema::Current.remedy(), writes: OK }
    }
}

/// Checks the database with one connection.
async fn check(store: &Store) -> Result<Checks> {
    let read = |connection: &mut Connection| {
        Ok((readiness::schema(connection)?, readiness::server_role(connection)?))
    };
    let (schema, role) = store.read(read).await?;
    metrics::database_standby(role == ServerRole::Standby);
    let writes = match (role, store.write_problem()) {
        (ServerRole::Primary, Some(problem)) => problem.text(),
        (role, _) => role.text(),
    };
    Ok(Checks { process: OK, database: OK, schema: schema.remedy(), writes })
}

/// Updates `checks` until the service drains.
pub(super) async fn watch(
    store: Store,
    checks: watch::Sender<Checks>,
    is_database_restarting: Arc<AtomicBool>,
) {
    let mut test_write: Option<JoinHandle<Result<()>>> = None;
    while checks.borrow().process == OK {
        let found = match tokio::time::timeout(TIMEOUT, check(&store)).await {
            _ if is_database_restarting.load(Ordering::Relaxed) => Checks::RESTARTING,
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) => Checks::UNREACHABLE,
        };
        if store.write_problem().is_some() && test_write.as_ref().is_none_or(JoinHandle::is_finished) {
            let store = store.clone();
            // Its commit may wait for a standby.
            test_write = Some(tokio::spawn(async move { store.test_write().await }));
        }
        metrics::ready(found.is_ready());
        checks.send_if_modified(|checks| {
            let is_changed = *checks != found && checks.process == OK;
            if is_changed {
                log(found);
                *checks = found;
            }
            is_changed
        });
        tokio::time::sleep(if found.is_ready() { INTERVAL } else { INTERVAL_NOT_READY }).await;
    }
}

fn log(found: Checks) {
    if found.is_ready() {
        tracing::info!("ready");
    } else {
        let Checks { database, schema, writes, .. } = found;
        tracing::warn!(database, schema, writes, "not ready");
    }
}
