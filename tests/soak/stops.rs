//! An end under load, and among clients that do not go.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use switchboard::pb::GetChatRequest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Figures, setting, sized};
use crate::support::{Chat, World, frame, percentile};

const GET_CHAT: &str = "/switchboard.v1.ChatService/GetChat";

#[tokio::test]
async fn an_end_under_load_fails_no_call_at_any_door() {
    let detect = sized(Duration::from_millis(200), Duration::from_secs(3));
    let (mut answered, mut failures, mut ends) = (0, Vec::new(), Vec::new());
    for _ in 0..sized(1, 50) {
        let world = World::start_with("127.0.0.1:0", &["--drain-delay", &setting(detect)]).await;
        let chat = world.chat("Alice").await;
        let mut clients = JoinSet::new();
        for (is_http2, request) in requests(&world, &chat).iter().cycle().take(12) {
            clients.spawn(call_until_told_to_go(world.address(), *is_http2, request.clone()));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let told = Instant::now();
        assert_eq!(world.stop().await, 0, "{}", world.log());
        ends.push(told.elapsed());
        for outcome in clients.join_all().await {
            match outcome {
                Ok(calls) => answered += calls,
                Err(failure) => failures.push(format!("{failure}\n{}", world.log())),
            }
        }
    }
    ends.sort_unstable();
    let mut figures = Figures::of("an end under load at all three protocols");
    figures.tell("ends", ends.len() as f64);
    figures.tell("calls that were answered", f64::from(answered));
    figures.none("calls that failed", failures.len());
    figures.within("from SIGTERM to exit, p99", percentile(&ends, 99), detect + Duration::from_secs(3));
    figures.hold(|| failures.join("\n"));
}

#[tokio::test]
async fn clients_that_say_nothing_or_do_not_listen_do_not_hold_up_the_end() {
    let detect = sized(Duration::from_millis(1), Duration::from_secs(3));
    let grace = sized(Duration::from_millis(200), Duration::from_secs(10));
    let [detect_setting, grace_setting] = [detect, grace].map(setting);
    // Calls that would hold up the end, if calls could.
    let args =
        ["--drain-delay", &detect_setting, "--drain-timeout", &grace_setting, "--request-timeout", "1h"];
    let mut ends = Vec::new();
    for _ in 0..sized(1, 3) {
        let world = World::start_with("127.0.0.1:0", &args).await;
        let mut clients = silent(world.address()).await;
        clients.extend(deaf(world.address()).await);
        let calling = endless_calls(&world).await;
        world.anonymous().get("/livez").await.expect(200);
        let told = Instant::now();
        assert_eq!(world.stop().await, 0, "{}", world.log());
        ends.push(told.elapsed());
        assert!(world.log().contains("cut off connections"), "calls held it up as long as they could");
        drop((clients, calling));
    }
    let mut figures = Figures::of("an end among clients that do not go");
    let longest = ends.into_iter().max().unwrap_or_default();
    figures.within("from SIGTERM to exit, longest", longest, detect + grace + Duration::from_secs(1));
    figures.hold(String::new);
}

/// 200 connections on which nothing is ever said, or not to its end.
async fn silent(server: SocketAddr) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = TcpStream::connect(server).await.expect("connected");
        if number % 4 == 0 {
            client.write_all(b"GET /livez HT").await.expect("sent");
        }
        clients.push(client);
    }
    clients
}

/// 25 connections that read nothing of what comes, GOAWAY and pings among it.
async fn deaf(server: SocketAddr) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..25 {
        let mut client = TcpStream::connect(server).await.expect("connected");
        // HTTP/2's opening words and empty settings.
        let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        client.write_all(opening).await.expect("sent");
        clients.push(client);
    }
    clients
}

/// 25 connections with a call each whose request never ends.
async fn endless_calls(world: &World) -> JoinSet<()> {
    let mut calling = JoinSet::new();
    for _ in 0..25 {
        let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
        let request = request(world, "POST", GET_CHAT, "application/grpc").body(body).expect("a request");
        let stream = TcpStream::connect(world.address()).await.expect("connected");
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        calling.spawn(async { drop(connection.await) });
        sender.ready().await.expect("HTTP/2");
        calling.spawn(async move { drop(sender.send_request(request).await) });
    }
    calling
}

fn request(world: &World, method: &str, path: &str, content_type: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(format!("{}{path}", world.url()));
    let request = request.header("host", "switchboard").header("content-type", content_type);
    request.header("te", "trailers").header("authorization", format!("Bearer {}", world.org.key))
}

/// The same call at each protocol, and whether that one speaks HTTP/2.
fn requests(world: &World, chat: &Chat) -> [(bool, Request<Full<Bytes>>); 3] {
    let message = Bytes::from(frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec()));
    [
        (false, "GET", chat.path.as_str(), "application/json", Bytes::new()),
        (false, "POST", GET_CHAT, "application/grpc-web+proto", message.clone()),
        (true, "POST", GET_CHAT, "application/grpc", message),
    ]
    .map(|(is_http2, method, path, content_type, body)| {
        let request = request(world, method, path, content_type).body(Full::new(body));
        (is_http2, request.expect("a request"))
    })
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
