//! Whether the service is alive, and whether it can do its work. Found out in the background, so that no probe waits.

pub mod metrics_server;
mod probe;
mod rpc;

use axum::body::Body;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::health_server::{Health as HealthRpc, HealthServer};

use self::rpc::Answers;
use super::types::Response;
use crate::store::Store;
use crate::store::readiness::Schema;
use crate::telemetry::metrics;

const OK: &str = "ok";

/// What readiness depends on. The reasons are ours: nothing of the database's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Checks {
    process: &'static str,
    database: &'static str,
    schema: &'static str,
}

impl Checks {
    const STARTING: Self = Self { process: OK, database: "not asked yet", schema: "unknown" };
    const UNREACHABLE: Self = Self { process: OK, database: "unreachable", schema: "unknown" };
    const DRAINING: &'static str = "draining";

    const fn of(schema: Schema) -> Self {
        Self { process: OK, database: OK, schema: schema.remedy() }
    }

    fn is_ready(self) -> bool {
        self == Self::of(Schema::Current)
    }
}

/// What is known of the service's readiness.
#[derive(Clone)]
pub struct Health {
    checks: watch::Sender<Checks>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Not ready yet.
    pub fn new() -> Self {
        Self { checks: watch::Sender::new(Checks::STARTING) }
    }

    /// Completes when calls can be served.
    pub async fn until_ready(&self) {
        let mut checks = self.checks.subscribe();
        // It cannot fail: the sender is here.
        let _ = checks.wait_for(|checks| checks.is_ready()).await;
    }

    /// Begins to ask the database, and goes on until the service drains. The store should be for this alone: the service
    /// is no less ready when it has much to do.
    pub fn watch(&self, store: Store) {
        tokio::spawn(probe::keep_asking(store, self.checks.clone()));
    }

    /// From now on the service is not ready: it finishes what it has, and others should take what comes.
    pub fn draining(&self) {
        metrics::ready(false);
        self.checks.send_modify(|checks| checks.process = Checks::DRAINING);
    }

    /// The gRPC health service, which tells the same of each of these services and of the whole, whose name is empty. Its
    /// streams end when the service closes.
    pub fn rpc(
        &self,
        services: &'static [&'static str],
        closing: CancellationToken,
    ) -> HealthServer<impl HealthRpc> {
        HealthServer::new(Answers::new(self.checks.subscribe(), services, closing))
    }

    /// `GET /livez`: the process answers. A database that is down is no reason to restart it.
    pub fn live(&self, method: &Method) -> Response {
        answer(method, StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
    }

    /// `GET /readyz`: 200 when calls can be served, else 503 and why not.
    pub fn ready(&self, method: &Method) -> Response {
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
        answer(method, code, serde_json::to_vec(&Readiness { status, checks }).unwrap_or_default())
    }
}

fn answer(method: &Method, code: StatusCode, json: Vec<u8>) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !matches!(*method, Method::GET | Method::HEAD) {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.status_mut() = code;
    response.map(|_| Body::from(json))
}
