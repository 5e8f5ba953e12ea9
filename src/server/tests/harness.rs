//! A server as [`run`] starts it, with small services and without a database.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::super::protocols::services::{BoxFuture, RestApi, Services};
use super::super::types::{Request, Response};
use super::super::*;
use crate::config::{EffectiveSettings, RateLimits, Secret};
use crate::error::Error;

/// Notified when a brief request has begun.
pub static BRIEF_REQUEST: Notify = Notify::const_new();

/// Does what the last segment of the path names; the same for gRPC and REST.
async fn act(path: &str) -> Result<(), Error> {
    match path.rsplit('/').next() {
        Some("panic") => panic!("the message of a panic"),
        Some("slow") => std::future::pending().await,
        Some("brief") => {
            BRIEF_REQUEST.notify_one();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Some("fail") => return Err(Error::internal("the message of a cause")),
        _ => {}
    }
    Ok(())
}

/// Responds in gRPC.
async fn grpc(uri: http::Uri) -> Response {
    let outcome = act(uri.path()).await;
    outcome.map_or_else(tonic::Status::from, |()| tonic::Status::ok("")).into_http()
}

struct Json;

impl RestApi for Json {
    fn call(&self, request: Request) -> BoxFuture {
        Box::pin(async move {
            Ok(match act(request.uri().path()).await {
                Ok(()) => http::Response::builder()
                    .header("content-type", "application/json")
                    .body(Body::from("x".repeat(5000)))
                    .expect("a response"),
                Err(error) => Json.error_response(request.uri().path(), &error, None),
            })
        })
    }

    fn rpc(&self, _: &Method, _: &str) -> Option<&'static str> {
        None
    }

    fn error_response(&self, _: &str, error: &Error, request_id: Option<&http::HeaderValue>) -> Response {
        let mut response = Response::new(Body::from(error.message().into_owned()));
        request_id.map(|id| response.headers_mut().insert("reported-request-id", id.clone()));
        *response.status_mut() = error.kind().row().status;
        response
    }
}

pub struct Running {
    pub address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Starts the server with these settings changed.
pub async fn start(change: impl FnOnce(&mut Config)) -> Running {
    start_with(change, |_| {}).await
}

/// Starts the server with limits changed that no setting changes.
pub async fn start_with(change: impl FnOnce(&mut Config), limit: impl FnOnce(&mut Limits)) -> Running {
    let settings = EffectiveSettings::find(&BTreeMap::new(), std::iter::empty());
    let mut config = settings.config().expect("the defaults");
    config.database_pool_size = 1;
    config.rate_limits = RateLimits { key: None, org: None };
    config.cors_allowed_origins = vec!["https://inbox.acme.example".to_owned()];
    config.drain_delay = Duration::ZERO;
    config.drain_timeout = Duration::from_millis(500);
    change(&mut config);
    let store = Store::new(Secret::new("postgres://127.0.0.1:1/none"), pools::of_requests(&config));
    let (health, closing) = (Health::new(), CancellationToken::new());
    let health_service = health.rpc(closing.clone());
    let guard = |_: &http::Extensions, path: &str| match path.ends_with("/forbidden") {
        true => Err(Error::forbidden("send")),
        false => Ok(()),
    };
    let grpc = Routes::new(health_service).into_axum_router().route("/test.Service/{method}", post(grpc));
    let grpc = Routes::from(grpc);
    let router = Router::new(Services { grpc, rest: Arc::new(Json), guard }, Pages::new(), health.clone());
    let stack = stack::stack(router, Arc::new(Authenticator::new(&store, None)), &config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut limits = Limits::new(&config);
    limit(&mut limits);
    let listener = Listener { tcp: listener, tls: None };
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        listener::serve(listener, stack, shutdown, || health.drain(), closing, limits).await;
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
        let mut request = http::Request::builder().method(method).version(version).header("host", "x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let url = format!("http://{}{path}", self.address);
        let target = if version == Version::HTTP_2 { url.as_str() } else { path };
        let request = request.uri(target).body(Full::<Bytes>::default()).expect("a request");
        let stream = TokioIo::new(TcpStream::connect(self.address).await.expect("connected"));
        let response = if version == Version::HTTP_2 {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            sender.send_request(request).await
        } else {
            let (mut sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
            tokio::spawn(connection);
            sender.send_request(request).await
        };
        let (parts, body) = response.expect("a response").into_parts();
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

    /// Stops the server, and waits until it has ended.
    pub async fn stop(self) {
        self.stop.send(()).expect("running");
        let stopping = tokio::time::timeout(Duration::from_secs(60), self.serving).await;
        stopping.expect("it ends").expect("without a panic");
    }
}
