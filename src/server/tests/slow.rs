//! Clients that hold a connection and do not do their part.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Running, start_within};

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("connected")
}

#[tokio::test]
async fn who_begins_and_asks_nothing_is_cut_off() {
    let server = start_within(|_| {}, |bounds| bounds.first_request = Duration::from_millis(50)).await;
    // It could become either HTTP, and it is the second one without anything in it.
    for beginning in ["P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = connect(&server).await;
        client.write_all(beginning.as_bytes()).await.expect("sent");
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("the end");
        assert!(!told.starts_with(b"HTTP/1.1"), "{beginning}");
    }
    // Who has asked something may take its time.
    let mut client = connect(&server).await;
    for _ in 0..2 {
        client.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        assert!(super::answer_on(&mut client).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_does_not_read_its_answers_is_cut_off() {
    let server = start_within(|_| {}, |bounds| bounds.unread = Duration::from_millis(100)).await;
    let mut client = connect(&server).await;
    // It writes until the server has no room for another answer, and then until the connection breaks.
    while client.write_all(b"GET /v1/ok HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {}
}
