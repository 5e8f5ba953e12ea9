//! A gRPC and gRPC-Web caller of raw bytes, for requests that generated clients cannot send.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{once, pending};
use http::{HeaderMap, Request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::in_time;

const TRAILERS: u8 = 0x80;

/// The protocols beside REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 without TLS, status in the trailers.
    Grpc,
    /// HTTP/1.1, status in the last frame of the body.
    GrpcWeb,
}

/// Calls through that protocol, with these headers.
#[derive(Clone, Debug)]
pub struct Rpc {
    address: SocketAddr,
    protocol: Protocol,
    headers: Vec<(String, String)>,
}

/// The response.
#[derive(Debug)]
pub struct RpcAnswer {
    /// The gRPC status code; `None` when it is missing.
    pub code: Option<i32>,
    /// The status message, percent-encoded.
    pub message: String,
    /// Header fields and trailers together.
    pub headers: HeaderMap,
    /// The messages.
    pub messages: Vec<Bytes>,
}

/// A message as it goes over the wire.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message under 4 GiB");
    [&[0], length.to_be_bytes().as_slice(), message].concat()
}

impl Rpc {
    /// A caller without a token.
    pub fn new(address: SocketAddr, protocol: Protocol) -> Self {
        let content_type = match protocol {
            Protocol::Grpc => "application/grpc",
            Protocol::GrpcWeb => "application/grpc-web+proto",
        };
        Self { address, protocol, headers: Vec::new() }
            .with("content-type", content_type)
            .with("te", "trailers")
    }

    /// The same caller with one more header.
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut caller = self.clone();
        caller.headers.retain(|(header, _)| header != name);
        caller.headers.push((name.to_owned(), value.into()));
        caller
    }

    /// The same caller with that token.
    pub fn token(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    /// Sends the bytes as the body of a call of `/<package>.<service>/<method>`.
    pub async fn call(&self, path: &str, body: impl Into<Bytes>) -> RpcAnswer {
        in_time(path, self.send(path, Full::new(body.into()))).await
    }

    /// The same with a request that is not closed after these bytes.
    pub async fn hold(&self, path: &str, body: impl Into<Bytes>) -> RpcAnswer {
        let frames = once(ready(Ok::<_, Infallible>(Frame::data(body.into())))).chain(pending());
        in_time(path, self.send(path, StreamBody::new(frames))).await
    }

    async fn send<B>(&self, path: &str, body: B) -> RpcAnswer
    where
        B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
    {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method("POST").uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body).expect("a request");
        let stream = TokioIo::new(TcpStream::connect(self.address).await.expect("the server"));
        let (answer, connection) = match self.protocol {
            Protocol::Grpc => {
                let (mut sender, connection) =
                    hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                        .await
                        .expect("HTTP/2");
                let connection = tokio::spawn(async { drop(connection.await) });
                (sender.send_request(request).await, connection)
            }
            Protocol::GrpcWeb => {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(stream).await.expect("HTTP/1.1");
                let connection = tokio::spawn(async { drop(connection.await) });
                (sender.send_request(request).await, connection)
            }
        };
        let answer = answer.unwrap_or_else(|error| panic!("no answer to {path}: {error}"));
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{path} broke off: {error}"));
        connection.abort();
        let trailers = body.trailers().cloned().unwrap_or_default();
        RpcAnswer::read(parts.status.as_u16(), parts.headers, trailers, &body.to_bytes())
    }
}

impl RpcAnswer {
    fn read(http: u16, mut headers: HeaderMap, trailers: HeaderMap, mut body: &[u8]) -> Self {
        headers.extend(trailers);
        let mut messages = Vec::new();
        while let [flags, a, b, c, d, rest @ ..] = body {
            let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).min(rest.len());
            let (message, next) = rest.split_at(length);
            if flags & TRAILERS == 0 {
                messages.push(Bytes::copy_from_slice(message));
            } else {
                let text = String::from_utf8_lossy(message).into_owned();
                for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
                    let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a trailer's name");
                    headers.append(name, value.trim().parse().expect("a trailer's value"));
                }
            }
            body = next;
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(http, 200, "gRPC errors are HTTP 200: {headers:?}");
        let code = header("grpc-status").and_then(|code| code.parse().ok());
        let message = header("grpc-message").unwrap_or_default().to_owned();
        Self { code, message, headers, messages }
    }
}
