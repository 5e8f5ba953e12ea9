//! Liveness and readiness.
//! Readiness is checked in the background, so that no probe waits for the database.

pub mod metrics_server;
mod readiness;
mod rpc;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::health_server::{Health as HealthRpc, HealthServer};

use self::readiness::Checks;
use self::rpc::HealthService;
use super::types::Response;
use crate::store::Store;
use crate::telemetry::metrics;

/// The readiness of the service. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    checks: watch::Sender<Checks>,
    is_database_restarting: Arc<AtomicBool>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Not ready, until [`Self::watch`] has checked the database.
    pub fn new() -> Self {
        Self { checks: watch::Sender::new(Checks::STARTING), is_database_restarting: Arc::default() }
    }

    /// Completes when the service is ready.
    pub async fn until_ready(&self) {
        let mut checks = self.checks.subscribe();
        // It cannot fail: `self` holds the sender.
        let _ = checks.wait_for(|checks| checks.is_ready()).await;
    }

    /// Starts to check the database, until the service drains.
    /// The store's pool should be used for nothing else: a busy service is ready.
    pub fn watch(&self, store: Store) {
        tokio::spawn(readiness::watch(store, self.checks.clone(), self.is_database_restarting.clone()));
    }

    /// Makes the service not ready while its database is about to be restarted.
    pub fn set_database_restarting(&self, is_restarting: bool) {
        self.is_database_restarting.store(is_restarting, Ordering::Relaxed);
    }

    /// Makes the service not ready, so that load balancers deregister it.
    pub fn drain(&self) {
        metrics::ready(false);
        self.checks.send_modify(|checks| checks.process = Checks::DRAINING);
    }

    /// The gRPC health service, with one status for all services.
    /// Its streams end when `closing` is cancelled.
    pub fn rpc(&self, closing: CancellationToken) -> HealthServer<impl HealthRpc> {
        HealthServer::new(HealthService { checks: self.checks.subscribe(), closing })
    }

    /// `GET /livez`: 200 while the process responds.
    /// An unreachable database is no reason to restart it.
    pub fn live(&self, method: &Method) -> Response {
        respond(method, StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
    }

    /// `GET /readyz`: 200 if requests can be served, else 503 with the failed check.
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
        respond(method, code, serde_json::to_vec(&Readiness { status, checks }).unwrap_or_default())
    }
}

fn respond(method: &Method, code: StatusCode, json: Vec<u8>) -> Response {
    let mut response = Response::default();
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
