//! Checks in the background that the database has the required schema.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::store::readiness::Schema;
use crate::store::{Store, readiness};
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
}

impl Checks {
    pub(super) const STARTING: Self = Self { process: OK, database: "not checked yet", schema: "unknown" };
    pub(super) const DRAINING: &'static str = "draining";
    const UNREACHABLE: Self = Self { process: OK, database: "unreachable", schema: "unknown" };

    const RESTARTING: Self = Self {
        process: OK,
        database: "the programs of the embedded PostgreSQL changed on disk; it is being restarted",
        schema: "unknown",
    };

    const fn of(schema: Schema) -> Self {
        Self { process: OK, database: OK, schema: schema.remedy() }
    }

    pub(super) fn is_ready(self) -> bool {
        self == Self::of(Schema::Current)
    }
}

/// Updates `checks` until the service drains.
pub(super) async fn watch(
    store: Store,
    checks: watch::Sender<Checks>,
    is_database_restarting: Arc<AtomicBool>,
) {
    while checks.borrow().process == OK {
        let schema = tokio::time::timeout(TIMEOUT, store.read(readiness::schema)).await;
        let found = match schema {
            _ if is_database_restarting.load(Ordering::Relaxed) => Checks::RESTARTING,
            Ok(Ok(schema)) => Checks::of(schema),
            Ok(Err(_)) | Err(_) => Checks::UNREACHABLE,
        };
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
        tracing::warn!(database = found.database, schema = found.schema, "not ready");
    }
}
