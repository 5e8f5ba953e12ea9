//! Requests that break off before their message is complete.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::iter;
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use switchboard::pb::GetChatRequest;
use tokio::net::TcpStream;

use crate::support::{World, frame};

/// Sends half of a message and resets the request, or closes the connection.
async fn cut_off(world: &World, path: &str, closes: bool) {
    let message = frame(&GetChatRequest { chat_id: "15550101000@c.us".repeat(100) }.encode_to_vec());
    let half = Bytes::copy_from_slice(&message[..message.len() / 2]);
    let broken = Err(io::Error::other("the client broke off"));
    let mut frames = vec![Ok(Frame::data(half))];
    frames.extend((!closes).then_some(broken));
    let pending = futures_util::stream::pending();
    let body = StreamBody::new(futures_util::StreamExt::chain(iter(frames), pending));
    let request = Request::post(format!("{}{path}", world.url()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", world.org.key));
    let stream = TokioIo::new(TcpStream::connect(world.address()).await.expect("the server"));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
    let connection = tokio::spawn(async { drop(connection.await) });
    let answer = sender.send_request(request.body(body).expect("a request"));
    let _ = tokio::time::timeout(Duration::from_millis(300), answer).await;
    connection.abort();
}

#[tokio::test]
async fn cut_off_grpc_request_raises_no_alarm() {
    let world = World::start_with("127.0.0.1:0", &["--metrics-address", "127.0.0.1:0"]).await;
    for path in ["/switchboard.v1.ChatService/GetChat", "/switchboard.v1.ChatService/WatchChats"] {
        for closes in [false, true] {
            cut_off(&world, path, closes).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let log = world.log();
    assert!(!log.contains("ERROR") && !log.contains("Unknown"), "{log}");
    let metrics = world.metrics().await;
    for alarming in ["code=\"UNKNOWN\"", "code=\"INTERNAL\""] {
        assert!(!metrics.contains(alarming), "{metrics}");
    }
}
