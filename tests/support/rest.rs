//! A REST caller: plain HTTP/1.1, one connection a call, no hidden behaviour.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::in_time;

/// Calls with these headers.
#[derive(Clone, Debug)]
pub struct Rest {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// The response.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
}

impl Rest {
    /// A caller without a token.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same caller with that token and no other.
    pub fn token(&self, token: &str) -> Self {
        self.without("authorization").with("authorization", format!("Bearer {token}"))
    }

    /// The same caller with one more header.
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.into()));
        caller
    }

    /// The same caller without that header.
    pub fn without(&self, name: &str) -> Self {
        let headers = self.headers.iter().filter(|(header, _)| header != name).cloned().collect();
        Self { address: self.address, headers }
    }

    /// GET.
    pub async fn get(&self, path: impl AsRef<str>) -> Answer {
        self.send("GET", path, Bytes::new()).await
    }

    /// DELETE.
    pub async fn delete(&self, path: impl AsRef<str>) -> Answer {
        self.send("DELETE", path, Bytes::new()).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: impl AsRef<str>, body: Value) -> Answer {
        self.json("PATCH", path, body.to_string()).await
    }

    /// Any method with a body with content type JSON.
    pub async fn json(&self, method: &str, path: impl AsRef<str>, body: impl Into<Bytes>) -> Answer {
        self.with("content-type", "application/json").send(method, path, body).await
    }

    /// Any method and body, and only the headers this caller has.
    pub async fn send(&self, method: &str, path: impl AsRef<str>, body: impl Into<Bytes>) -> Answer {
        let path = path.as_ref();
        in_time(&format!("{method} {path}"), self.exchange(method, path, body.into())).await
    }

    async fn exchange(&self, method: &str, path: &str, body: Bytes) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", self.host());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let stream = TcpStream::connect(self.address).await.expect("the server");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("no answer to {method} {path}: {error}"));
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{method} {path} broke off: {error}"));
        connection.abort();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() }
    }

    /// Sends a hand-made request target, which no HTTP library would let through, with this caller's headers. Any bytes
    /// but spaces and line ends.
    pub async fn raw(&self, method: &str, target: &[u8], body: &[u8]) -> Answer {
        let mut request = [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"].concat();
        let length = ("content-length".to_owned(), body.len().to_string());
        let host = ("host".to_owned(), self.host());
        let close = ("connection".to_owned(), "close".to_owned());
        for (name, value) in self.headers.iter().chain([&length, &host, &close]) {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.expect("the server");
            let mut bytes = Vec::new();
            // A server may hang up on what it will not read; what it said until then counts.
            let _ = stream.write_all(&request).await;
            let _ = stream.read_to_end(&mut bytes).await;
            Answer::parse(&bytes)
        };
        in_time(&format!("{method} {}", target.escape_ascii()), exchange).await
    }

    fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Answer {
    /// The body as JSON, or `null`.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the response if it has that status, else panics with all of it.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// An answer whose body is of no fixed length or chunked; enough for the errors that hand-made requests get.
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.append(name, value.trim().parse().expect("a header's value"));
        }
        let body = Bytes::copy_from_slice(bytes.get(end + 4..).unwrap_or_default());
        Self { status: status.unwrap_or(0), headers, body }
    }
}
