//! Whether the service is alive, and whether it can do its work. Found out in the background, so that no probe waits.

use std::time::Duration;

use axum::body::Body;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthRpc, HealthServer};
use tonic_health::server::HealthReporter;

use super::{Request, Response};
use crate::store::{Store, readiness};

/// How often the database is asked while all is well, and while it is not.
const INTERVAL: Duration = Duration::from_secs(2);
const INTERVAL_UNREADY: Duration = Duration::from_millis(250);

/// How long its answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What readiness depends on. The reasons are ours: nothing of the database's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Checks {
    process: &'static str,
    database: &'static str,
    schema: &'static str,
}

const OK: &str = "ok";

impl Checks {
    const STARTING: Self = Self { process: OK, database: "not asked yet", schema: "unknown" };
    const READY: Self = Self { process: OK, database: OK, schema: OK };
    const UNREACHABLE: Self = Self { process: OK, database: "unreachable", schema: "unknown" };
    const NOT_MIGRATED: Self = Self { process: OK, database: OK, schema: "not migrated" };
    const STOPPING: &'static str = "stopping";

    fn is_ready(self) -> bool {
        self == Self::READY
    }
}

/// What is known of the service's readiness.
#[derive(Clone)]
pub struct Health {
    checks: watch::Sender<Checks>,
}

impl Health {
    /// Not ready yet. The second value is the gRPC health service, which always tells the same of these services.
    pub async fn new(services: &'static [&'static str]) -> (Self, HealthServer<impl HealthRpc>) {
        let (reporter, server) = tonic_health::server::health_reporter();
        let checks = watch::Sender::new(Checks::STARTING);
        report(&reporter, services, Checks::STARTING).await;
        tokio::spawn(follow(checks.subscribe(), reporter, services));
        (Self { checks }, server)
    }

    /// Begins to ask the database, and goes on until the service stops.
    pub fn watch(&self, store: Store) {
        tokio::spawn(probe(store, self.checks.clone()));
    }

    /// From now on the service is not ready: it finishes what it has and takes no more.
    pub fn stopping(&self) {
        self.checks.send_modify(|checks| checks.process = Checks::STOPPING);
    }

    /// `GET /livez`: the process answers. A database that is down is no reason to restart it.
    pub fn live(&self, request: &Request) -> Response {
        answer(request, StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
    }

    /// `GET /readyz`: 200 when calls can be served, else 503 and why not.
    pub fn ready(&self, request: &Request) -> Response {
        #[derive(Serialize)]
        struct Readiness {
            status: &'static str,
            checks: Checks,
        }
        let checks = *self.checks.borrow();
        let (code, status) = match checks.is_ready() {
            true => (StatusCode::OK, "ready"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        };
        answer(request, code, serde_json::to_vec(&Readiness { status, checks }).unwrap_or_default())
    }
}

fn answer(request: &Request, code: StatusCode, json: Vec<u8>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.status_mut() = code;
    response.map(|_| Body::from(json))
}

/// Asks the database until the service stops.
async fn probe(store: Store, checks: watch::Sender<Checks>) {
    while checks.borrow().process == OK {
        let asking = tokio::time::timeout(TIMEOUT, store.read(readiness::schema_is_current));
        let found = match asking.await {
            Ok(Ok(true)) => Checks::READY,
            Ok(Ok(false)) => Checks::NOT_MIGRATED,
            Ok(Err(_)) | Err(_) => Checks::UNREACHABLE,
        };
        checks.send_if_modified(|checks| {
            let changed = *checks != found && checks.process == OK;
            if changed {
                tracing::info!(database = found.database, schema = found.schema, "readiness changed");
                *checks = found;
            }
            changed
        });
        let interval = if found.is_ready() { INTERVAL } else { INTERVAL_UNREADY };
        tokio::time::sleep(interval).await;
    }
}

/// Tells the gRPC health service of every change, until the service stops.
async fn follow(
    mut checks: watch::Receiver<Checks>,
    reporter: HealthReporter,
    services: &'static [&'static str],
) {
    while checks.changed().await.is_ok() {
        let found = *checks.borrow_and_update();
        report(&reporter, services, found).await;
        if found.process != OK {
            return;
        }
    }
}

async fn report(reporter: &HealthReporter, services: &[&str], checks: Checks) {
    let status = if checks.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
    // The empty name is the service as a whole.
    for service in services.iter().chain([&""]) {
        reporter.set_service_status(service, status).await;
    }
}
