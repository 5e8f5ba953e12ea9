//! `GET /metrics` on a listener of its own, for Prometheus, and the probes, for those who cannot show the certificate that
//! the other one may ask for. It answers also while the service has too much to do, and until the very end.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Health;
use crate::server::types::Response;
use crate::telemetry::Scrape;

/// Scrapers are few. More wait.
const MAX_CONNECTIONS: usize = 32;
const HEADERS: Duration = Duration::from_secs(75);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, scrape: Scrape, health: Health) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, scrape.clone(), health.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection for metrics");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, scrape: Scrape, health: Health) {
    let service = hyper::service::service_fn(|request: http::Request<Incoming>| {
        let answer = match request.uri().path() {
            "/livez" => health.live(request.method()),
            "/readyz" => health.ready(request.method()),
            path => answer(request.method(), path, &scrape),
        };
        async { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    let serving = http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    if let Err(error) = serving.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection for metrics ended early");
    }
}

fn answer(method: &Method, path: &str, scrape: &Scrape) -> Response {
    let mut response = Response::new(Body::empty());
    if path != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if !matches!(*method, Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else {
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        return response.map(|_| Body::from(scrape.text()));
    }
    response
}
