//! The stack from a client's view: the layers and the protocols.

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
async fn responses_have_a_request_id_and_safe_client_ids_are_kept() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/v1/ok", &[("x-request-id", "abc-1")]).await.header("x-request-id"), "abc-1");
    for response in [
        server.get("/v1/ok", &[("x-request-id", "a b")]).await,
        server.get("/v1/panic", &[]).await,
        server.get("/livez", &[]).await,
        server.grpc("/test.Service/forbidden").await,
        server.grpc("/test.Unknown/Method").await,
    ] {
        assert_eq!(response.header("x-request-id").len(), 32);
    }
}

#[tokio::test]
async fn panic_fails_one_request_and_its_message_is_not_sent() {
    let server = start(|_| {}).await;
    let rest = server.get("/v1/panic", &[]).await;
    assert_eq!((rest.status, &rest.body[..]), (StatusCode::INTERNAL_SERVER_ERROR, &b"internal error"[..]));
    assert_eq!(rest.header("reported-request-id"), rest.header("x-request-id"));
    for response in
        [server.grpc("/test.Service/panic").await, server.grpc_web("/test.Service/panic", &[]).await]
    {
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("grpc-status"), code(tonic::Code::Internal));
        assert_eq!(response.header("grpc-message"), "internal%20error");
    }
    assert_eq!(server.get("/v1/ok", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn shorter_deadline_applies_on_every_protocol() {
    let server = start(|config| config.request_timeout = Duration::from_millis(50)).await;
    assert_eq!(server.get("/v1/slow", &[]).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        server.grpc("/test.Service/slow").await.header("grpc-status"),
        code(tonic::Code::DeadlineExceeded)
    );
    let unlimited = start(|_| {}).await;
    let deadline = [("grpc-timeout", "50m")];
    assert_eq!(unlimited.get("/v1/slow", &deadline).await.status, StatusCode::GATEWAY_TIMEOUT);
    let response = unlimited.grpc_web("/test.Service/slow", &deadline).await;
    assert_eq!(response.header("grpc-status"), code(tonic::Code::DeadlineExceeded));
}

#[tokio::test]
async fn requests_beyond_the_limit_are_shed_and_probes_are_not() {
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
async fn grpc_errors_are_reported_in_grpc() {
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
async fn only_listed_origins_are_allowed() {
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
    // A page must be able to read errors.
    for path in ["/v1/ok", "/v1/panic", "/v1/fail"] {
        let response = server.get(path, &[ours]).await;
        assert_eq!(response.header("access-control-allow-origin"), ours.1);
        assert!(response.header("access-control-expose-headers").contains("grpc-status"));
    }
    let vary = server.get("/v1/ok", &[("origin", "https://evil.example")]).await.headers;
    assert!(vary.get_all("vary").iter().any(|name| name == "origin"));
    // A route's own OPTIONS is not a preflight.
    let options = server.send(Version::HTTP_11, Method::OPTIONS, "/v1/ok", &[ours]).await;
    assert_eq!(options.status, StatusCode::OK);
}

#[tokio::test]
async fn large_rest_responses_are_compressed_on_request() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/v1/ok", &[("accept-encoding", "gzip")]).await.header("content-encoding"), "gzip");
    assert_eq!(server.get("/v1/ok", &[("accept-encoding", "zstd")]).await.header("content-encoding"), "zstd");
    assert_eq!(server.get("/v1/ok", &[]).await.header("content-encoding"), "");
    assert_eq!(server.get("/v1/fail", &[("accept-encoding", "gzip")]).await.header("content-encoding"), "");
}

#[tokio::test]
async fn without_a_database_the_server_is_live_but_not_ready() {
    let server = start(|_| {}).await;
    assert_eq!(server.get("/livez", &[]).await.status, StatusCode::OK);
    let ready = server.get("/readyz", &[]).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.body.starts_with(br#"{"status":"not ready","checks":{"process":"ok","database":""#));
    let post = server.send(Version::HTTP_11, Method::POST, "/readyz", &[]).await;
    assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn drain_waits_for_requests_but_not_for_silent_clients() {
    let server = start(|config| config.drain_timeout = FOREVER).await;
    let _silent = TcpStream::connect(server.address).await.expect("connected");
    let mut idle = TcpStream::connect(server.address).await.expect("connected");
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(response_on(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut brief = TcpStream::connect(server.address).await.expect("connected");
    brief.write_all(b"GET /v1/brief HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    harness::BRIEF_REQUEST.notified().await;
    server.stop().await;
    assert!(response_on(&mut brief).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn drain_ends_although_a_request_does_not() {
    let server = start(|config| config.request_timeout = FOREVER).await;
    let mut stuck = TcpStream::connect(server.address).await.expect("connected");
    stuck.write_all(b"GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop().await;
}

/// Longer than any test waits.
const FOREVER: Duration = Duration::from_secs(3600);

/// What a slow client sends in one write.
static CHUNK: [u8; 128 << 10] = [0; 128 << 10];

#[tokio::test]
async fn early_response_reaches_a_client_that_is_still_sending() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    for content_type in ["application/json", "application/grpc-web+proto", "application/json"] {
        let length = 16 * CHUNK.len();
        let head = format!(
            "POST /test.Service/forbidden HTTP/1.1\r\nhost: x\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.expect("the head is accepted");
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            client.write_all(&CHUNK).await.expect("the body is accepted");
        }
        assert!(response_on(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn unread_body_is_drained_only_up_to_a_limit() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    let head = b"POST /v1/ok HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n";
    client.write_all(head).await.expect("the head is accepted");
    let mut accepted = 0;
    while client.write_all(&CHUNK).await.is_ok() {
        accepted += CHUNK.len();
    }
    assert!(accepted < 64 << 20, "{accepted}");
}

#[tokio::test]
async fn expect_continue_is_not_granted_for_an_unread_body() {
    let server = start(|_| {}).await;
    let mut client = TcpStream::connect(server.address).await.expect("connected");
    let head = b"POST /v1/fail HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    client.write_all(head).await.expect("sent");
    let response = response_on(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 500"), "{response}");
}

/// The head of the next response; its body is read, too.
async fn response_on(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.expect("a length").parse().expect("a number");
    let body = tokio::io::copy(&mut client.take(length), &mut tokio::io::sink()).await;
    assert_eq!(body.expect("a body"), length);
    head
}
