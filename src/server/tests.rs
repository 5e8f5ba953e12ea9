//! The stack as clients meet it: the layers and the protocols.

mod harness;
mod slow;

use std::time::Duration;

use http::{Method, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::harness::start;

fn code(code: tonic::Code) -> String {
    (code as i32).to_string()
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_sane_one_of_the_callers_is_kept() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/v1/ok", &[("x-request-id", "abc-1")]).await.header("x-request-id"), "abc-1");
    for answer in [
        server.get("/v1/ok", &[("x-request-id", "a b")]).await,
        server.get("/v1/panic", &[]).await,
        server.get("/livez", &[]).await,
        server.grpc("/test.Service/forbidden").await,
        server.grpc("/test.Unknown/Method").await,
    ] {
        assert_eq!(answer.header("x-request-id").len(), 32);
    }
}

#[tokio::test]
async fn a_panic_fails_one_call_at_every_door_and_its_words_stay_inside() {
    let server = start(|_| {}).await;
    let rest = server.get("/v1/panic", &[]).await;
    assert_eq!((rest.status, &rest.body[..]), (StatusCode::INTERNAL_SERVER_ERROR, &b"internal error"[..]));
    assert_eq!(rest.header("told-request-id"), rest.header("x-request-id"));
    for answer in
        [server.grpc("/test.Service/panic").await, server.grpc_web("/test.Service/panic", &[]).await]
    {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("grpc-status"), code(tonic::Code::Internal));
        assert_eq!(answer.header("grpc-message"), "internal%20error");
    }
    assert_eq!(server.get("/v1/ok", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_shorter_deadline_ends_a_call_at_every_door() {
    let server = start(|config| config.request_timeout = Duration::from_millis(50)).await;
    assert_eq!(server.get("/v1/slow", &[]).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        server.grpc("/test.Service/slow").await.header("grpc-status"),
        code(tonic::Code::DeadlineExceeded)
    );
    let patient = start(|_| {}).await;
    let hasty = [("grpc-timeout", "50m")];
    assert_eq!(patient.get("/v1/slow", &hasty).await.status, StatusCode::GATEWAY_TIMEOUT);
    let answer = patient.grpc_web("/test.Service/slow", &hasty).await;
    assert_eq!(answer.header("grpc-status"), code(tonic::Code::DeadlineExceeded));
}

#[tokio::test]
async fn calls_beyond_the_limit_are_turned_away_at_once_and_probes_are_not() {
    let server = start(|config| {
        config.max_concurrent_requests = 1;
        config.request_timeout = FOREVER;
    })
    .await;
    let mut slow = TcpStream::connect(server.address).await.expect("connected");
    slow.write_all(b"GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    // It may not have begun yet.
    while server.get("/v1/ok", &[]).await.status != StatusCode::SERVICE_UNAVAILABLE {}
    let native = server.grpc("/test.Service/ok").await;
    assert_eq!(native.header("grpc-status"), code(tonic::Code::ResourceExhausted));
    let web = server.grpc_web("/test.Service/ok", &[]).await;
    assert_eq!(web.header("grpc-status"), code(tonic::Code::ResourceExhausted));
    assert_eq!(server.get("/livez", &[]).await.status, StatusCode::OK);
    let health = server.grpc("/grpc.health.v1.Health/Check").await;
    assert_ne!(health.header("grpc-status"), code(tonic::Code::ResourceExhausted));
    drop(slow);
    while server.get("/v1/ok", &[]).await.status != StatusCode::OK {}
}

#[tokio::test]
async fn what_grpc_refuses_is_told_in_grpc() {
    let server = start(|_| {}).await;
    for (path, expected) in [
        ("/test.Service/ok", tonic::Code::Ok),
        ("/test.Service/forbidden", tonic::Code::PermissionDenied),
        ("/test.Unknown/Method", tonic::Code::Unimplemented),
        ("/nonsense", tonic::Code::Unimplemented),
    ] {
        let native = server.grpc(path).await;
        assert_eq!(
            (native.status, native.header("grpc-status")),
            (StatusCode::OK, &*code(expected)),
            "{path}"
        );
        assert_eq!(native.header("content-type"), "application/grpc");
        let web = server.grpc_web(path, &[]).await;
        assert_eq!((web.status, web.header("grpc-status")), (StatusCode::OK, &*code(expected)), "{path}");
        assert_eq!(web.header("content-type"), "application/grpc-web+proto");
    }
}

#[tokio::test]
async fn only_listed_origins_are_let_in() {
    let server = start(|_| {}).await;
    let ours = ("origin", "https://inbox.acme.example");
    let preflight = async |origin: (&'static str, &'static str)| {
        let headers = [origin, ("access-control-request-method", "PATCH")];
        server.send(Version::HTTP_11, Method::OPTIONS, "/v1/forbidden", &headers).await
    };
    let allowed = preflight(ours).await;
    assert_eq!(
        (allowed.status, allowed.header("access-control-allow-origin")),
        (StatusCode::NO_CONTENT, ours.1)
    );
    assert!(allowed.header("access-control-allow-headers").contains("x-phone"));
    for origin in ["https://evil.example", "https://inbox.acme.example.evil.example", "null", "*"] {
        assert_eq!(preflight(("origin", origin)).await.header("access-control-allow-origin"), "");
    }
    // An error is no use to a page that may not read it.
    for path in ["/v1/ok", "/v1/panic", "/v1/fail"] {
        let answer = server.get(path, &[ours]).await;
        assert_eq!(answer.header("access-control-allow-origin"), ours.1);
        assert!(answer.header("access-control-expose-headers").contains("grpc-status"));
    }
    let vary = server.get("/v1/ok", &[("origin", "https://evil.example")]).await.headers;
    assert!(vary.get_all("vary").iter().any(|name| name == "origin"));
    // A route's own OPTIONS is no preflight.
    let options = server.send(Version::HTTP_11, Method::OPTIONS, "/v1/ok", &[ours]).await;
    assert_eq!(options.status, StatusCode::OK);
}

#[tokio::test]
async fn large_rest_answers_are_compressed_for_those_who_can_read_it() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/v1/ok", &[("accept-encoding", "gzip")]).await.header("content-encoding"), "gzip");
    assert_eq!(server.get("/v1/ok", &[("accept-encoding", "zstd")]).await.header("content-encoding"), "zstd");
    assert_eq!(server.get("/v1/ok", &[]).await.header("content-encoding"), "");
    assert_eq!(server.get("/v1/fail", &[("accept-encoding", "gzip")]).await.header("content-encoding"), "");
}

#[tokio::test]
async fn without_a_database_the_service_lives_but_is_not_ready() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/livez", &[]).await.status, StatusCode::OK);
    let ready = server.get("/readyz", &[]).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.body.starts_with(br#"{"status":"not ready","checks":{"process":"ok","database":""#));
    let post = server.send(Version::HTTP_11, Method::POST, "/readyz", &[]).await;
    assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn a_stop_waits_for_calls_in_flight_but_not_for_silent_clients() {
    let server = start(|config| config.drain_timeout = FOREVER).await;
    let _silent = TcpStream::connect(server.address).await.expect("connected");
    let mut idle = TcpStream::connect(server.address).await.expect("connected");
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(answer_on(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut brief = TcpStream::connect(server.address).await.expect("connected");
    brief.write_all(b"GET /v1/brief HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    harness::BRIEF_CALL.notified().await;
    server.stop().await;
    assert!(answer_on(&mut brief).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stop_ends_even_when_a_call_does_not() {
    let server = start(|config| config.request_timeout = FOREVER).await;
    let mut stuck = TcpStream::connect(server.address).await.expect("connected");
    stuck.write_all(b"GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await;
}

/// Longer than any test waits.
const FOREVER: Duration = Duration::from_secs(3600);

/// What a slow client sends at once.
static CHUNK: [u8; 128 << 10] = [0; 128 << 10];

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending_and_the_connection_goes_on() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    for content_type in ["application/json", "application/grpc-web+proto", "application/json"] {
        let length = 16 * CHUNK.len();
        let head = format!(
            "POST /test.Service/forbidden HTTP/1.1\r\nhost: x\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.expect("the head is taken");
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            client.write_all(&CHUNK).await.expect("the body is taken");
        }
        assert!(answer_on(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn a_body_nobody_wants_is_not_read_for_ever() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    let head = b"POST /v1/ok HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n";
    client.write_all(head).await.expect("the head is taken");
    let mut taken = 0;
    while client.write_all(&CHUNK).await.is_ok() {
        taken += CHUNK.len();
    }
    assert!(taken < 64 << 20, "{taken}");
}

#[tokio::test]
async fn who_asks_before_sending_a_body_is_not_told_to_send_what_nobody_wants() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    let head = b"POST /v1/fail HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    client.write_all(head).await.expect("sent");
    let answer = answer_on(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
}

/// The head of the next answer; its body is read, too.
async fn answer_on(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.expect("a length").parse().expect("a number");
    let body = tokio::io::copy(&mut client.take(length), &mut tokio::io::sink()).await;
    assert_eq!(body.expect("a body"), length);
    head
}
