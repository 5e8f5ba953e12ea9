//! HTTP/2 connections of clients that send part of a request, or do not read a response.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::in_time;

/// What the client accepts without reading, in bytes.
const WINDOW: u32 = 65_535;

/// The gRPC code of a connection that broke.
pub const UNAVAILABLE: i32 = 14;

/// The tasks of a connection. It stays open as long as a body of a request has no end.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<Vec<AbortHandle>>>);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.lock().expect("a list of tasks").push(tokio::spawn(task).abort_handle());
    }
}

impl Tasks {
    /// Closes the connection.
    pub fn abort(&self) {
        self.0.lock().expect("a list of tasks").iter().for_each(AbortHandle::abort);
    }
}

/// A connection.
#[derive(Clone)]
pub struct Http2 {
    address: SocketAddr,
    sender: SendRequest<Body>,
}

/// The body of a request.
pub type Body = BoxBody<Bytes, Infallible>;

/// All of a body.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// The beginning of a body whose end never comes.
pub fn unfinished(bytes: impl Into<Bytes>) -> Body {
    let frames = stream::iter([Ok(Frame::data(bytes.into()))]).chain(stream::pending());
    BodyExt::boxed(StreamBody::new(frames))
}

impl Http2 {
    /// Opens one. Its tasks close it.
    pub async fn open(address: SocketAddr) -> (Self, Tasks) {
        let tasks = Tasks::default();
        let stream = TokioIo::new(TcpStream::connect(address).await.expect("the server"));
        let mut http = Builder::new(tasks.clone());
        // What is not read stays with the server.
        http.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (sender, connection) = http.handshake(stream).await.expect("HTTP/2");
        tasks.execute(async { drop(connection.await) });
        (Self { address, sender }, tasks)
    }

    /// Sends a request and waits for the head of its response.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response<Incoming> {
        self.try_send(method, path, headers, body).await.expect("a response")
    }

    async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let mut sender = self.sender.clone();
        in_time(&format!("{method} {path}"), async {
            sender.ready().await?;
            sender.send_request(request).await
        })
        .await
    }

    /// Sends a gRPC request. Returns its stream, or the code that it is rejected with: 14, as of every client, if the server
    /// closed the connection.
    pub async fn grpc(&self, path: &str, token: &str, body: Body) -> Result<Response<Incoming>, i32> {
        let token = format!("Bearer {token}");
        let headers = [("content-type", "application/grpc"), ("te", "trailers"), ("authorization", &token)];
        let Ok(response) = self.try_send("POST", path, &headers, body).await else { return Err(UNAVAILABLE) };
        let code = response.headers().get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
        code.map_or(Ok(response), Err)
    }
}
