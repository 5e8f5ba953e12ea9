//! The listener for Prometheus, and for probes without a client certificate.
//!
//! It responds under overload, too, and until the process ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::Health;
use crate::server::types::Response;
use crate::telemetry::Scrape;

/// Connections at a time: scrapers are few. The oldest one gives way to a new one, so that a probe is served whatever
/// others hold open.
const MAX_CONNECTIONS: usize = 32;
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, scrape: Scrape, health: Health) {
    let mut tasks = JoinSet::new();
    let mut connections = VecDeque::new();
    loop {
        tokio::select! {
            Some(_) = tasks.join_next() => connections.retain(|open: &AbortHandle| !open.is_finished()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if connections.len() == MAX_CONNECTIONS && let Some(oldest) = connections.pop_front() {
                        oldest.abort();
                    }
                    connections.push_back(tasks.spawn(connection(stream, scrape.clone(), health.clone())));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection for metrics");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, scrape: Scrape, health: Health) {
    let service = hyper::service::service_fn(|request: http::Request<Incoming>| {
        let response = match request.uri().path() {
            "/livez" => health.live(request.method()),
            "/readyz" => health.ready(request.method()),
            "/metrics" => metrics(request.method(), &scrape),
            _ => with_status(StatusCode::NOT_FOUND),
        };
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    let serving = http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    if let Err(error) = serving.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection for metrics ended early");
    }
}

fn metrics(method: &Method, scrape: &Scrape) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = with_status(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut response = Response::new(Body::from(scrape.text()));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn with_status(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
