//! Which addresses the client connects to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::Resolve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
    HttpClient::with_resolver("test", resolver(answers, destinations), destinations, TIMEOUT, Trust::System)
        .expect("a client")
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
