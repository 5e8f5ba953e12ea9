//! Clients that hold a connection without sending a request or reading a response, and the drain.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower::service_fn;

use super::*;
use crate::server::types::{Request, Response};

/// Longer than any test takes.
const FOREVER: Duration = Duration::from_secs(3600);

struct Server {
    address: SocketAddr,
    stop: Arc<Notify>,
    /// Notified when a request to `/brief` has begun.
    has_begun: Arc<Notify>,
    serving: JoinHandle<()>,
}

async fn start(limit: impl FnOnce(&mut Limits)) -> Server {
    let mut limits = Limits {
        max_connections: 100,
        max_age: FOREVER,
        first_byte: FOREVER,
        first_request: FOREVER,
        unread: FOREVER,
        drain_delay: Duration::ZERO,
        drain_timeout: Duration::from_millis(500),
    };
    limit(&mut limits);
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = tcp.local_addr().expect("an address");
    let (stop, has_begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (stopped, begun) = (stop.clone(), has_begun.clone());
    let stack = Stack::new(service_fn(move |request: Request| {
        let begun = begun.clone();
        async move {
            if request.uri().path() == "/brief" {
                begun.notify_one();
                sleep(Duration::from_millis(300)).await;
            }
            Ok(Response::new(Body::from("x".repeat(5000))))
        }
    }));
    let listener = Listener { tcp, tls: None };
    let serving = tokio::spawn(async move {
        serve(listener, stack, stopped.notified(), || {}, CancellationToken::new(), limits).await;
    });
    Server { address, stop, has_begun, serving }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }
}

async fn request(client: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("sent");
}

async fn read_response(client: &mut TcpStream) {
    let mut received = Vec::new();
    while !received.ends_with(b"xxxx") {
        received.push(client.read_u8().await.expect("a response"));
    }
    assert!(received.starts_with(b"HTTP/1.1 200"));
    client.read_exact(&mut [0; 4996]).await.expect("the body");
}

#[tokio::test]
async fn silent_connection_is_closed() {
    let server = start(|limits| limits.first_byte = Duration::from_millis(50)).await;
    let mut silent = server.connect().await;
    let closed = timeout(Duration::from_secs(20), silent.read(&mut [0])).await.expect("in time");
    assert_eq!(closed.expect("the end"), 0);
    // One byte is enough for it, and is not lost.
    let mut slow = server.connect().await;
    slow.write_all(b"G").await.expect("sent");
    sleep(Duration::from_millis(200)).await;
    slow.write_all(b"ET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    read_response(&mut slow).await;
}

#[tokio::test]
async fn connection_without_a_request_is_closed() {
    let server = start(|limits| limits.first_request = Duration::from_millis(50)).await;
    // The first could become either version, the second is HTTP/2 without a request.
    for beginning in ["P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = server.connect().await;
        client.write_all(beginning.as_bytes()).await.expect("sent");
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.expect("the end");
        assert!(!received.starts_with(b"HTTP/1.1"), "{beginning}");
    }
    // After a request the connection stays open.
    let mut client = server.connect().await;
    for _ in 0..2 {
        request(&mut client, "/").await;
        read_response(&mut client).await;
        sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn client_that_does_not_read_is_disconnected() {
    let server = start(|limits| limits.unread = Duration::from_millis(100)).await;
    let mut client = server.connect().await;
    // The client writes until the server cannot buffer another response, and then until the connection breaks.
    while client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {}
}

#[tokio::test]
async fn drain_waits_for_requests_but_not_for_silent_clients() {
    let server = start(|limits| limits.drain_timeout = FOREVER).await;
    let (_silent, mut idle, mut brief) =
        (server.connect().await, server.connect().await, server.connect().await);
    request(&mut idle, "/").await;
    read_response(&mut idle).await;
    request(&mut brief, "/brief").await;
    server.has_begun.notified().await;
    server.stop.notify_one();
    timeout(Duration::from_secs(60), server.serving).await.expect("it ends").expect("without a panic");
    read_response(&mut brief).await;
}
