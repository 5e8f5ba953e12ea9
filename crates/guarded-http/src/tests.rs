//! Which addresses the client connects to, what it sends, and how much it reads.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LOCATION};
use reqwest::dns::Resolve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::error::NotAllowed;
use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A resolver that returns these answers in order, and the last one from then on.
fn resolver(answers: Vec<Vec<SocketAddr>>, destinations: Destinations) -> Resolver {
    let lookups = AtomicUsize::new(0);
    let lookup = move |_| -> resolver::Lookup {
        let at = lookups.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[at].clone();
        Box::pin(async move { Ok(answer) })
    };
    Resolver::new(lookup, destinations)
}

fn client(answers: Vec<Vec<SocketAddr>>, destinations: Destinations) -> HttpClient {
    let resolver = resolver(answers, destinations.clone());
    HttpClient::with_resolver("test", resolver, destinations, TIMEOUT, Trust::System).expect("a client")
}

/// A server that responds 204 to every request.
/// Returns its port and the number of its connections.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, connections) = (listener.local_addr().expect("an address").port(), Arc::default());
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            AtomicUsize::fetch_add(&counted, 1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
        }
    });
    (port, connections)
}

#[tokio::test]
async fn name_with_a_private_address_is_not_connected_to() {
    let (port, connections) = server().await;
    let (public, private) = (address("198.41.0.4:0"), address("127.0.0.1:0"));
    for answer in [vec![private], vec![public, private], vec![private, public]] {
        let client = client(vec![answer], Destinations::Public);
        let outcome = client.get(&format!("https://rebinding.acme.example:{port}/"), 0).await;
        assert!(matches!(outcome, Err(HttpError::NotAllowed)), "{outcome:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn name_is_checked_at_every_lookup() {
    let (public, private) = (address("198.41.0.4:0"), address("127.0.0.1:0"));
    let resolver = resolver(vec![vec![public], vec![private]], Destinations::Public);
    let resolve = || resolver.resolve("rebinding.acme.example".parse().expect("a name"));
    assert_eq!(resolve().await.expect("public").collect::<Vec<_>>(), [public]);
    assert!(resolve().await.is_err_and(|error| error.is::<NotAllowed>()));
}

#[tokio::test]
async fn address_in_the_url_is_checked() {
    let (port, connections) = server().await;
    let client = HttpClient::new("test", Destinations::Public, TIMEOUT, Trust::System).expect("a client");
    for host in ["127.0.0.1", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        let outcome = client.get(&format!("https://{host}:{port}/"), 0).await;
        assert!(matches!(outcome, Err(HttpError::NotAllowed)), "{host}: {outcome:?}");
    }
    let plain = client.get("http://hooks.acme.example/", 0).await;
    assert!(matches!(plain, Err(HttpError::NotHttps)), "{plain:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn private_destinations_never_connect_to_this_machine() {
    let (port, connections) = server().await;
    let client = client(vec![vec![address("10.0.0.1:0"), address("127.0.0.1:0")]], Destinations::Private);
    for host in ["127.0.0.1", "0.0.0.0", "[::1]", "169.254.169.254", "hooks.acme.example"] {
        let outcome = client.get(&format!("http://{host}:{port}/"), 0).await;
        assert!(matches!(outcome, Err(HttpError::NotAllowed)), "{host}: {outcome:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn connection_is_made_to_the_resolved_address() {
    let (port, connections) = server().await;
    let client = client(vec![vec![address("127.0.0.1:0")]], Destinations::Any);
    let (status, body) =
        client.get(&format!("http://only.acme.example:{port}/"), 0).await.expect("a response");
    assert_eq!((status, body.len(), connections.load(Ordering::SeqCst)), (StatusCode::NO_CONTENT, 0, 1));
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn hosts(listed: &[String]) -> Destinations {
    Destinations::Hosts(listed.iter().map(|host| host.parse().expect("a host")).collect())
}

/// A client for the hosts, whose names all resolve to this address.
fn hosts_client(listed: &[String], resolved: &str) -> HttpClient {
    client(vec![vec![address(resolved)]], hosts(listed))
}

/// A server that sends this response to every request.
/// Returns its port, and the requests as received.
async fn responding(response: &'static [u8]) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, received) =
        (listener.local_addr().expect("an address").port(), Arc::<Mutex<Vec<u8>>>::default());
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (kept, mut piece) = (Arc::clone(&kept), [0; 65536]);
            tokio::spawn(async move {
                while let Ok(length @ 1..) = stream.read(&mut piece).await {
                    kept.lock().expect("requests").extend_from_slice(&piece[..length]);
                    if piece[..length].ends_with(b"\n") || piece[..length].ends_with(b"}") {
                        let _ = stream.write_all(response).await;
                    }
                }
            });
        }
    });
    (port, received)
}

fn text(received: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&received.lock().expect("requests")).into_owned()
}

#[tokio::test]
async fn loopback_is_allowed_only_under_its_own_name() {
    let (port, connections) = server().await;
    let listed = ["localhost", "127.0.0.1", "waha.acme.example"].map(|host| format!("{host}:{port}"));
    let client = hosts_client(&listed, "127.0.0.1:0");
    for (host, allowed) in [("localhost", true), ("127.0.0.1", true), ("waha.acme.example", false)] {
        let outcome = client.get(&format!("http://{host}:{port}/"), 0).await;
        assert_eq!(outcome.is_ok(), allowed, "{host}: {outcome:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn listed_name_never_leads_to_metadata() {
    for resolved in ["169.254.169.254:0", "[fe80::1]:0", "[fd00:ec2::254]:0", "0.0.0.0:0", "224.0.0.1:0"] {
        let client = hosts_client(&["localhost".into(), "waha.acme.example".into()], resolved);
        for host in ["waha.acme.example", "localhost"] {
            let outcome = client.get(&format!("http://{host}/"), 0).await;
            assert!(matches!(outcome, Err(HttpError::NotAllowed)), "{host} {resolved}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn method_headers_and_body_are_sent() {
    let (port, received) = responding(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-id: 7\r\n\r\nok").await;
    let client = hosts_client(&[format!("localhost:{port}")], "127.0.0.1:0");
    let request = HttpRequest::new(Method::PUT, format!("http://localhost:{port}/a?b=c"))
        .header(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer key"))
        .json(r#"{"id":1}"#);
    let response = client.send(request).await.expect("a response");
    assert_eq!((response.status(), response.content_length()), (StatusCode::OK, Some(2)));
    assert_eq!(response.headers()["x-id"], "7");
    assert_eq!(response.bytes(2).await.expect("a body"), b"ok");
    let text = text(&received);
    for part in ["PUT /a?b=c HTTP/1.1\r\n", "authorization: Bearer key", "content-type: application/json"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains("content-length: 8") && text.ends_with(r#"{"id":1}"#), "{text}");
}

#[tokio::test]
async fn form_has_a_length_and_escaped_names() {
    let (port, received) = responding(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
    let png = stream::iter(["", "p", "", "ng"].map(|piece| Ok::<_, HttpError>(Bytes::from(piece))));
    let form = Multipart::new().text("type", "image/png");
    let form = form.file("file", ("a\"\r\nb.png", "image/png"), 3, png);
    let request = HttpRequest::new(Method::POST, format!("http://127.0.0.1:{port}/media")).multipart(form);
    client.send(request).await.expect("a response");
    let text = text(&received);
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    let boundary = head.split_once("boundary=").expect("a boundary").1.lines().next().expect("a line");
    let expected = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"type\"\r\n\r\nimage/png\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a%22%0D%0Ab.png\"\r\n\
         content-type: image/png\r\n\r\npng\r\n--{boundary}--\r\n"
    );
    assert_eq!(body, expected);
    assert!(head.contains(&format!("content-length: {}", expected.len())), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn body_that_cannot_be_read_is_unsent() {
    let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
    let pieces: [Vec<Result<&str, &str>>; 3] =
        [vec![Ok("abc"), Err("gone")], vec![Ok("abc")], vec![Ok("abcde")]];
    for pieces in pieces {
        let (port, _) = responding(b"").await;
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from).map_err(str::to_owned));
        let body = RequestBody::default().bytes("0").stream(4, stream::iter(pieces.collect::<Vec<_>>()));
        let request = HttpRequest::new(Method::POST, format!("http://127.0.0.1:{port}/")).json_body(body);
        let error = client.send(request).await.expect_err("no response");
        assert!(matches!(error, HttpError::Body(_)) && error.is_unsent(), "{error:?}");
    }
}

#[tokio::test]
async fn stream_ends_at_the_limit() {
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    for (response, max, expected) in [
        (CHUNKED, 6, Some(6)),
        (CHUNKED, 5, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", 6, None),
    ] {
        let (port, _) = responding(response).await;
        let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
        let request = HttpRequest::new(Method::GET, format!("http://127.0.0.1:{port}/"));
        let stream = client.send(request).await.expect("a response").stream(max, TIMEOUT);
        match (stream.try_collect::<Vec<Bytes>>().await, expected) {
            (Ok(chunks), Some(length)) => assert_eq!(chunks.concat().len(), length),
            (Err(HttpError::TooLarge(limit)), None) => assert_eq!(limit, max),
            (outcome, _) => panic!("{outcome:?} with {max} bytes"),
        }
    }
}

#[tokio::test]
async fn stalled_stream_times_out() {
    let (port, _) = responding(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nabc").await;
    let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
    let request = HttpRequest::new(Method::GET, format!("http://127.0.0.1:{port}/"));
    let stream = client.send(request).await.expect("a response").stream(7, Duration::from_millis(50));
    let outcome = stream.try_collect::<Vec<Bytes>>().await;
    assert!(matches!(outcome, Err(HttpError::Timeout)), "{outcome:?}");
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let (port, received) =
        responding(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n").await;
    let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
    let request = HttpRequest::new(Method::GET, format!("http://127.0.0.1:{port}/"));
    let response = client.send(request).await.expect("a response");
    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(response.headers().contains_key(LOCATION) && !response.headers().contains_key(CONTENT_TYPE));
    assert_eq!(text(&received).matches("GET ").count(), 1);
}

#[tokio::test]
async fn only_a_failed_connect_is_certainly_unsent() {
    let closed =
        TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let (silent, _) = responding(b"").await;
    let broken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let broken_port = broken.local_addr().expect("an address").port();
    tokio::spawn(async move { while broken.accept().await.is_ok() {} });
    let client = hosts_client(&["127.0.0.1".into()], "127.0.0.1:0");
    for (port, unsent) in [(closed, true), (silent, false), (broken_port, false)] {
        let request = HttpRequest::new(Method::POST, format!("http://127.0.0.1:{port}/"))
            .json("{}")
            .timeout(Duration::from_millis(300));
        let error = client.send(request).await.expect_err("no response");
        assert_eq!(error.is_unsent(), unsent, "{error:?}");
    }
}

#[tokio::test]
async fn connect_that_takes_too_long_is_unsent() {
    let listed = ["waha.acme.example".to_owned()];
    let resolver = Resolver::new(|_| Box::pin(std::future::pending()), hosts(&listed));
    let timeout = Duration::from_millis(200);
    let client = HttpClient::with_resolver("test", resolver, hosts(&listed), timeout, Trust::System);
    let outcome = client.expect("a client").get("http://waha.acme.example/", 0).await;
    assert!(matches!(&outcome, Err(error @ HttpError::Connect(_)) if error.is_unsent()), "{outcome:?}");
}
