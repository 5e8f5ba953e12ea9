//! Shutdown under load, and with clients that do not disconnect.

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
async fn shutdown_under_load_fails_no_call() {
    let delay = sized(Duration::from_millis(200), Duration::from_secs(3));
    let (mut completed, mut failures, mut shutdowns) = (0, Vec::new(), Vec::new());
    for _ in 0..sized(1, 50) {
        let world = World::start_with("127.0.0.1:0", &["--drain-delay", &setting(delay)]).await;
        let chat = world.chat("Alice").await;
        let mut clients = JoinSet::new();
        for (is_http2, request) in requests(&world, &chat).iter().cycle().take(12) {
            clients.spawn(call_until_closed(world.address(), *is_http2, request.clone()));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let signalled = Instant::now();
        assert_eq!(world.stop().await, 0, "{}", world.log());
        shutdowns.push(signalled.elapsed());
        for outcome in clients.join_all().await {
            match outcome {
                Ok(calls) => completed += calls,
                Err(failure) => failures.push(format!("{failure}\n{}", world.log())),
            }
        }
    }
    shutdowns.sort_unstable();
    let mut figures = Figures::of("shutdown under load");
    figures.report("shutdowns", shutdowns.len() as f64);
    figures.report("calls that succeeded", f64::from(completed));
    figures.none("calls that failed", failures.len());
    figures.within("from SIGTERM to exit, p99", percentile(&shutdowns, 99), delay + Duration::from_secs(3));
    figures.check(|| failures.join("\n"));
}

#[tokio::test]
async fn unresponsive_clients_do_not_delay_shutdown() {
    let delay = sized(Duration::from_millis(1), Duration::from_secs(3));
    let timeout = sized(Duration::from_millis(200), Duration::from_secs(10));
    let [delay_setting, timeout_setting] = [delay, timeout].map(setting);
    // Calls that would delay the shutdown if it waited for them.
    let args =
        ["--drain-delay", &delay_setting, "--drain-timeout", &timeout_setting, "--request-timeout", "1h"];
    let mut shutdowns = Vec::new();
    for _ in 0..sized(1, 3) {
        let world = World::start_with("127.0.0.1:0", &args).await;
        let mut clients = silent(world.address()).await;
        clients.extend(non_reading(world.address()).await);
        let calling = endless_calls(&world).await;
        world.anonymous().get("/livez").await.expect(200);
        let signalled = Instant::now();
        assert_eq!(world.stop().await, 0, "{}", world.log());
        shutdowns.push(signalled.elapsed());
        assert!(world.log().contains("aborted connections"), "the drain timeout cut off the calls");
        drop((clients, calling));
    }
    let mut figures = Figures::of("shutdown with unresponsive clients");
    let longest = shutdowns.into_iter().max().unwrap_or_default();
    figures.within("from SIGTERM to exit, longest", longest, delay + timeout + Duration::from_secs(1));
    figures.check(String::new);
}

/// 200 connections with no request, or an incomplete one.
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

/// 25 HTTP/2 connections that read nothing, not even GOAWAY and PING.
async fn non_reading(server: SocketAddr) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..25 {
        let mut client = TcpStream::connect(server).await.expect("connected");
        // HTTP/2's connection preface and empty SETTINGS.
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        client.write_all(preface).await.expect("sent");
        clients.push(client);
    }
    clients
}

/// 25 connections with one call each whose request never ends.
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

/// The same call for each protocol, and whether it uses HTTP/2.
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

/// Calls repeatedly on one connection until the server closes it gracefully. Returns the number of successful calls, or an
/// error if one failed.
async fn call_until_closed(
    server: SocketAddr,
    is_http2: bool,
    request: Request<Full<Bytes>>,
) -> Result<u32, String> {
    let stream = TokioIo::new(TcpStream::connect(server).await.map_err(|error| error.to_string())?);
    let mut completed = 0;
    macro_rules! call {
        ($handshake:expr) => {{
            let (mut sender, connection) = $handshake.await.map_err(|error| format!("{error:?}"))?;
            tokio::spawn(async { drop(connection.await) });
            while sender.ready().await.is_ok() {
                let answer = match sender.send_request(request.clone()).await {
                    Ok(answer) => answer,
                    // Not sent.
                    Err(error) if error.is_canceled() => break,
                    Err(error) => return Err(format!("{} calls, then {error:?}", completed)),
                };
                let (parts, body) = answer.into_parts();
                let trailers =
                    body.collect().await.map_err(|error| format!("{error:?}"))?.trailers().cloned();
                let grpc_status = trailers.and_then(|trailers| trailers.get("grpc-status").cloned());
                if parts.status != 200 || grpc_status.is_some_and(|status| status != "0") {
                    return Err(format!("{} calls, then {parts:?}", completed));
                }
                completed += 1;
            }
        }};
    }
    if is_http2 {
        call!(http2::handshake(TokioExecutor::new(), stream));
    } else {
        call!(http1::handshake(stream));
    }
    Ok(completed)
}
