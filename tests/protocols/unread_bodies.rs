//! Requests that are rejected before their body is read.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{World, in_time};

/// What a slow client sends in one write.
static CHUNK: [u8; 128 << 10] = [0; 128 << 10];

/// A connection on which a POST without a token has begun.
async fn begin(world: &World, headers: &str) -> TcpStream {
    let mut client = TcpStream::connect(world.address()).await.expect("connected");
    send_head(&mut client, headers).await;
    client
}

async fn send_head(client: &mut TcpStream, headers: &str) {
    let head = format!("POST /switchboard.v1.ChatService/GetChat HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n");
    client.write_all(head.as_bytes()).await.expect("the head is accepted");
}

/// The status line of the next response, all of which is read.
async fn status_line(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(in_time("a response", client.read_u8()).await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    tokio::io::copy(&mut client.take(length), &mut tokio::io::sink()).await.expect("a body");
    head.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn early_response_reaches_a_client_that_is_still_sending() {
    let world = World::shared().await;
    let mut client = TcpStream::connect(world.address()).await.expect("connected");
    for (content_type, status) in
        [("application/json", 404), ("application/grpc-web+proto", 200), ("application/json", 404)]
    {
        let length = 16 * CHUNK.len();
        send_head(&mut client, &format!("content-type: {content_type}\r\ncontent-length: {length}")).await;
        for _ in 0..16 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            client.write_all(&CHUNK).await.expect("the body is accepted");
        }
        let line = status_line(&mut client).await;
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{content_type}: {line}");
    }
}

#[tokio::test]
async fn unread_body_is_drained_only_up_to_a_limit() {
    let mut client = begin(World::shared().await, "content-length: 9999999999").await;
    let mut accepted = 0;
    while in_time("the connection is closed", client.write_all(&CHUNK)).await.is_ok() {
        accepted += CHUNK.len();
    }
    assert!(accepted < 64 << 20, "{accepted}");
}

#[tokio::test]
async fn expect_continue_is_not_granted_for_an_unread_body() {
    let mut client = begin(World::shared().await, "expect: 100-continue\r\ncontent-length: 9").await;
    let line = status_line(&mut client).await;
    assert!(line.starts_with("HTTP/1.1 404"), "{line}");
}
