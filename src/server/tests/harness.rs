//! A server to try: everything as in `run`, with small services behind the protocols and no database.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Service;

use super::super::protocols::services::{Rest, Services};
use super::super::types::{BoxFuture, Request, Response};
use super::super::*;
use crate::config::{EffectiveSettings, RateLimits, Secret};
use crate::error::Error;

/// Tells that a brief call has begun.
pub static BRIEF_CALL: Notify = Notify::const_new();

/// Does what the last word of the path says; the same for gRPC and REST.
async fn act(path: &str) -> Result<(), Error> {
    match path.rsplit('/').next() {
        Some("panic") => panic!("the words of a panic"),
        Some("slow") => std::future::pending().await,
        Some("brief") => {
            BRIEF_CALL.notify_one();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Some("fail") => return Err(Error::internal("the words of a cause")),
        _ => {}
    }
    Ok(())
}

#[derive(Clone)]
struct Grpc;

impl NamedService for Grpc {
    const NAME: &'static str = "test.Service";
}

impl Service<http::Request<tonic::body::Body>> for Grpc {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> BoxFuture {
        Box::pin(async move {
            let outcome = act(request.uri().path()).await;
            let status = outcome.map_or_else(tonic::Status::from, |()| tonic::Status::ok(""));
            Ok(status.into_http())
        })
    }
}

#[derive(Clone)]
struct Json;

impl Service<Request> for Json {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> BoxFuture {
        Box::pin(async move {
            Ok(match act(request.uri().path()).await {
                Ok(()) => http::Response::builder()
                    .header("content-type", "application/json")
                    .body(Body::from("x".repeat(5000)))
                    .expect("an answer"),
                Err(error) => Json.error_response(request.uri().path(), &error, None),
            })
        })
    }
}

impl Rest for Json {
    fn rpc(&self, _: &Method, _: &str) -> Option<&'static str> {
        None
    }

    fn error_response(&self, _: &str, error: &Error, request_id: Option<&http::HeaderValue>) -> Response {
        let mut response = Response::new(Body::from(error.message().into_owned()));
        request_id.map(|id| response.headers_mut().insert("told-request-id", id.clone()));
        *response.status_mut() = error.kind().row().status;
        response
    }
}

pub struct Running {
    pub address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Everything as in `run`, except for the services, and with a database that is not there.
pub async fn start(change: impl FnOnce(&mut Config)) -> Running {
    start_within(change, |_| {}).await
}

/// The same with other bounds, which no setting changes.
pub async fn start_within(change: impl FnOnce(&mut Config), bound: impl FnOnce(&mut Bounds)) -> Running {
    let settings = EffectiveSettings::find(&BTreeMap::new(), std::iter::empty());
    let mut config = settings.config().expect("the defaults");
    config.database_pool_size = 1;
    config.rate_limits = RateLimits { key: None, org: None };
    config.cors_allowed_origins = vec!["https://inbox.acme.example".to_owned()];
    config.drain_delay = Duration::ZERO;
    config.drain_timeout = Duration::from_millis(500);
    change(&mut config);
    let store = Store::new(&Secret::new("postgres://127.0.0.1:1/none"), pools::of_requests(&config));
    let (health, closing) = (Health::new(), CancellationToken::new());
    let health_service = health.rpc(&["test.Service"], closing.clone());
    let guard = |_: &http::Extensions, path: &str| match path.ends_with("/forbidden") {
        true => Err(Error::forbidden("send")),
        false => Ok(()),
    };
    let grpc = Routes::default().add_service(Grpc).add_service(health_service);
    let documents = Documents::compose();
    let router = Router::new(Services { grpc, rest: Json, guard }, documents, health.clone());
    let stack = stack::stack(router, Arc::new(Authenticator::new(&store, None)), &config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut bounds = bounds(&config);
    bound(&mut bounds);
    let listener = Listener { tcp: listener, tls: None };
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        listener::serve(listener, stack, shutdown, || health.draining(), closing, bounds).await;
    });
    Running { address, stop, serving }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }
}

impl Running {
    pub async fn send(
        &self,
        version: Version,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let client =
            Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http();
        let mut request =
            http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.version(version).body(Full::<Bytes>::default()).expect("a request");
        let (parts, body) = client.request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Version::HTTP_11, Method::GET, path, headers).await
    }

    pub async fn grpc(&self, path: &str) -> Answer {
        self.send(Version::HTTP_2, Method::POST, path, &[("content-type", "application/grpc")]).await
    }

    pub async fn grpc_web(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = [&[("content-type", "application/grpc-web+proto")], headers].concat();
        self.send(Version::HTTP_11, Method::POST, path, &headers).await
    }

    /// Tells it to stop, and waits until it has.
    pub async fn stop(self) {
        self.stop.send(()).expect("it runs");
        let stopping = tokio::time::timeout(Duration::from_secs(60), self.serving).await;
        stopping.expect("it stops").expect("in order");
    }
}
