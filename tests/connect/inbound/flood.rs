//! Requests to one connection that take long, or are many.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{SECRET, connect, manager, message, messages_named, post, world};
use crate::support::{World, until};

/// Begins a request that does not announce its size, and sends no more than its first bytes.
async fn begin(world: &World, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.address()).await.expect("the server");
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{{\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

#[tokio::test]
async fn slow_requests_to_one_connection_delay_no_other() {
    let world = world().await;
    let (_, path) = connect(&world, "http://127.0.0.1:9").await;
    let other = json!({
        "kind": "waha", "phoneNumber": "15550100496", "url": "http://127.0.0.1:19", "webhookSecret": SECRET,
    });
    let made = manager(&world).await.json("POST", "/api/v1/connections", other.to_string()).await.expect(201);
    let made: Value = made.json();
    let other_path = made["webhookUrl"].as_str().expect("a path");
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(begin(&world, &path).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for (path, id) in [(path.as_str(), "3EB0SAME"), (other_path, "3EB0OTHER")] {
        post(&world.anonymous(), path, &message(id, "15550103006")).await.expect(200);
        until("the message is stored", async || messages_named(&world, id) == 1).await;
    }
}
