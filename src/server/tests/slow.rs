//! Clients that hold a connection without sending a request or reading a response.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Running, start_with};

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("connected")
}

#[tokio::test]
async fn connection_without_a_request_is_closed() {
    let server = start_with(|_| {}, |limits| limits.first_request = Duration::from_millis(50)).await;
    // The first could become either version, the second is HTTP/2 without a request.
    for beginning in ["P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = connect(&server).await;
        client.write_all(beginning.as_bytes()).await.expect("sent");
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.expect("the end");
        assert!(!received.starts_with(b"HTTP/1.1"), "{beginning}");
    }
    // After a request the connection stays open.
    let mut client = connect(&server).await;
    for _ in 0..2 {
        client.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        assert!(super::response_on(&mut client).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn client_that_does_not_read_is_disconnected() {
    let server = start_with(|_| {}, |limits| limits.unread = Duration::from_millis(100)).await;
    let mut client = connect(&server).await;
    // The client writes until the server cannot buffer another response, and then until the connection breaks.
    while client.write_all(b"GET /v1/ok HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {}
}
