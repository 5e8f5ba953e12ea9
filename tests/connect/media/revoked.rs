//! Downloads by those who may not read any more.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::files::Files;
use super::gateway::Reply;
use super::path;

const SIZE: usize = 64 << 20;

#[tokio::test]
async fn download_ends_within_five_seconds_after_its_key_is_revoked() {
    let files = Files::start(&[]).await;
    let (world, chat) = (&files.world, files.world.chat("Asha").await);
    let media = files.fetched(&chat, "A", json!({}), Reply::Stream(SIZE as u64)).await;
    let key = world.database.create_key(&world.org.id, "read", &[]);
    let mut stream = TcpStream::connect(world.address()).await.expect("the server");
    let request = format!("GET {} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n", path(&media));
    stream.write_all(request.as_bytes()).await.expect("the server");
    let mut buffer = vec![0; 64 << 10];
    let mut received = stream.read(&mut buffer).await.expect("a response");
    assert!(buffer.starts_with(b"HTTP/1.1 200"));
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("an id")]);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    // What the server had written before is read, and then the connection is closed.
    while let Ok(more @ 1..) = stream.read(&mut buffer).await {
        received += more;
    }
    assert!(received < SIZE, "{received} bytes");
}
