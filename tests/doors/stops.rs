//! How the service ends when it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use switchboard::pb::GetChatRequest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Door, World, frame};

/// Longer than any test waits.
const FOREVER: &str = "1h";

#[tokio::test]
async fn a_database_that_hangs_does_not_hold_up_the_end() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "100ms"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    // Answered in time, but its thread still waits for the lock.
    world.rest().get(&chat).await.expect(504);
    assert_eq!(world.stop().await, 0, "{}", world.log());
    sql.run("ROLLBACK");
}

#[tokio::test]
async fn an_end_under_load_fails_no_call_at_any_door() {
    let world = World::start_with("127.0.0.1:0", &["--drain-detect", "200ms"]).await;
    let chat = world.chat("Alice").await;
    let message = Bytes::from(frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec()));
    let rpc = "/switchboard.v1.ChatService/GetChat";
    let calls = [
        (false, "GET", chat.path.as_str(), "application/json", Bytes::new()),
        (false, "POST", rpc, "application/grpc-web+proto", message.clone()),
        (true, "POST", rpc, "application/grpc", message),
    ];
    let mut clients = JoinSet::new();
    for (is_http2, method, path, content_type, body) in calls.iter().cycle().take(12) {
        let request = Request::builder().method(*method).uri(format!("{}{path}", world.url()));
        let request = request.header("host", "switchboard").header("content-type", *content_type);
        let request =
            request.header("te", "trailers").header("authorization", format!("Bearer {}", world.org.key));
        let request = request.body(Full::new(body.clone())).expect("a request");
        clients.spawn(call_until_told_to_go(world.address(), *is_http2, request));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.stop().await, 0, "{}", world.log());
    while let Some(outcome) = clients.join_next().await {
        let answered = outcome.expect("a client").unwrap_or_else(|error| panic!("{error}\n{}", world.log()));
        assert!(answered > 0);
    }
}

#[tokio::test]
async fn clients_that_say_nothing_or_do_not_listen_do_not_hold_up_the_end() {
    let world = World::start_with("127.0.0.1:0", &["--drain-detect", "1ms", "--drain-grace", "200ms"]).await;
    let mut clients = Vec::new();
    for number in 0..250 {
        let mut client = TcpStream::connect(world.address()).await.expect("connected");
        if number < 50 {
            // HTTP/2's opening words and empty settings; what comes back is never read, GOAWAY and pings among it.
            let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            client.write_all(opening).await.expect("sent");
        } else if number < 100 {
            client.write_all(b"GET /livez HT").await.expect("sent");
        }
        clients.push(client);
    }
    world.anonymous().get("/livez").await.expect(200);
    assert_eq!(world.stop().await, 0, "{}", world.log());
}

#[tokio::test]
async fn while_others_learn_that_it_ends_the_service_goes_on_and_a_second_signal_ends_it_at_once() {
    let world = World::start_with("127.0.0.1:0", &["--drain-detect", FOREVER]).await;
    let chat = world.chat("Alice").await;
    world.tell_to_stop();
    let ready = loop {
        let ready = world.anonymous().get("/readyz").await;
        if ready.status == 503 {
            break ready;
        }
    };
    assert_eq!(ready.json()["checks"]["process"], "draining");
    let health = world.anonymous_rpc(Door::Grpc).call("/grpc.health.v1.Health/Check", frame(b"")).await;
    assert_eq!((health.code, &health.messages[0][..]), (Some(0), &b"\x08\x02"[..]), "NOT_SERVING");
    world.anonymous().get("/livez").await.expect(200);
    world.rest().get(&chat).await.expect(200);
    assert_eq!(world.stop().await, 128 + 15, "{}", world.log());
}

/// Calls again and again on one connection until the server says, in the protocol's own way, that it ends. Says how many
/// calls were answered; an error when one was not.
async fn call_until_told_to_go(
    server: SocketAddr,
    is_http2: bool,
    request: Request<Full<Bytes>>,
) -> Result<u32, String> {
    let stream = TokioIo::new(TcpStream::connect(server).await.map_err(|error| error.to_string())?);
    let mut answered = 0;
    macro_rules! call {
        ($handshake:expr) => {{
            let (mut sender, connection) = $handshake.await.map_err(|error| format!("{error:?}"))?;
            tokio::spawn(async { drop(connection.await) });
            while sender.ready().await.is_ok() {
                let answer = match sender.send_request(request.clone()).await {
                    Ok(answer) => answer,
                    // Not sent.
                    Err(error) if error.is_canceled() => break,
                    Err(error) => return Err(format!("{} calls, then {error:?}", answered)),
                };
                let (parts, body) = answer.into_parts();
                let trailers =
                    body.collect().await.map_err(|error| format!("{error:?}"))?.trailers().cloned();
                let grpc_status = trailers.and_then(|trailers| trailers.get("grpc-status").cloned());
                if parts.status != 200 || grpc_status.is_some_and(|status| status != "0") {
                    return Err(format!("{} calls, then {parts:?}", answered));
                }
                answered += 1;
            }
        }};
    }
    if is_http2 {
        call!(http2::handshake(TokioExecutor::new(), stream));
    } else {
        call!(http1::handshake(stream));
    }
    Ok(answered)
}
