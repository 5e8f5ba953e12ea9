//! Checks in the background that the database has the required schema and accepts writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;

use crate::error::{Kind, Result};
use crate::store::readiness::{Schema, ServerRole};
use crate::store::{Connection, Store, readiness};
use crate::telemetry::metrics;

const OK: &str = "ok";

/// How often the database is checked while the service is ready, and not ready.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_NOT_READY: Duration = Duration::from_millis(250);

/// The time limit of one check.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long checks may get no answer before another server is looked for. The server ends their statements after a second.
const UNANSWERED: Duration = Duration::from_secs(5);

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
    const FORMER_PRIMARY: Self =
        Self::without_database("the server is a former primary: another one has taken over");
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

/// Whether the check got neither a result nor an error of the database: it timed out, or earlier ones occupy all threads.
fn is_unanswered(checked: &std::result::Result<Result<Checks>, Elapsed>) -> bool {
    match checked {
        Ok(Ok(_)) => false,
        Ok(Err(error)) => error.kind() == Kind::Overloaded,
        Err(_) => true,
    }
}

/// Updates `checks` until the service drains.
pub(super) async fn watch(
    store: Store,
    checks: watch::Sender<Checks>,
    is_database_restarting: Arc<AtomicBool>,
) {
    let mut test_write: Option<JoinHandle<Result<()>>> = None;
    let mut unanswered = Unanswered::default();
    let mut takeovers = store.takeovers();
    while checks.borrow().process == OK {
        let checked = tokio::time::timeout(TIMEOUT, check(&store)).await;
        unanswered.update(&store, is_unanswered(&checked));
        if takeovers != store.takeovers() {
            // Those to the former primary may wait for its answer for ever.
            takeovers = store.takeovers();
            store.abandon_connections();
            tracing::warn!("another database server has taken over: all connections were replaced");
        }
        let found = match checked {
            _ if is_database_restarting.load(Ordering::Relaxed) => Checks::RESTARTING,
            Ok(Ok(found)) => found,
            Ok(Err(_)) | Err(_) if store.reaches_former_primary() => Checks::FORMER_PRIMARY,
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

/// Checks that got no answer, neither a result nor an error of the database.
#[derive(Default)]
struct Unanswered {
    since: Option<Instant>,
    is_over: Arc<AtomicBool>,
    search: Option<JoinHandle<()>>,
}

impl Unanswered {
    /// Replaces the connections when they have been without an answer for long and a new one reaches a server that accepts
    /// writes.
    fn update(&mut self, store: &Store, is_unanswered: bool) {
        self.is_over.store(!is_unanswered, Ordering::Relaxed);
        self.since = is_unanswered.then(|| self.since.unwrap_or_else(Instant::now));
        let is_long = self.since.is_some_and(|since| since.elapsed() > UNANSWERED);
        if is_long && self.search.as_ref().is_none_or(JoinHandle::is_finished) {
            self.search = Some(tokio::spawn(replace(store.clone(), self.is_over.clone())));
        }
    }
}

async fn replace(store: Store, is_over: Arc<AtomicBool>) {
    if store.server_role().await.is_ok_and(|role| role == ServerRole::Primary) {
        // A server that hung answers on all connections again.
        tokio::time::sleep(INTERVAL_NOT_READY * 2).await;
        if !is_over.load(Ordering::Relaxed) {
            store.abandon_connections();
            tracing::warn!(
                "the database server does not answer and another one does: all connections were replaced"
            );
        }
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
