//! What is posted, and where it may not go.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::service_fn;

use super::*;
use crate::config::Secret;
use crate::ids::{OrgId, WebhookId};
use crate::store::Json;
use crate::store::events::ChangeEvent;

fn settings(allow_private_networks: bool) -> WebhookConfig {
    WebhookConfig {
        allow_private_networks,
        timeout: Duration::from_secs(5),
        max_attempts: 1,
        initial_backoff: Duration::from_secs(1),
    }
}

fn delivery(url: &str) -> DeliveryRequest {
    DeliveryRequest {
        org: OrgId::generate(),
        webhook: WebhookId::generate(),
        url: url.parse().unwrap(),
        secret: Secret::new("whsec_00"),
        event: ChangeEvent {
            event_id: 7,
            at: Instant::from_micros(1_700_000_000_000_000),
            chat_id: Some("15550101844@c.us".parse().unwrap()),
            session_id: None,
            phone: None,
            kind: "labels".to_owned(),
            actor: "operator".to_owned(),
            changes: Json(Default::default()),
        },
    }
}

/// A resolver that answers each look-up with the next of these, and the last ever after.
fn resolver(answers: Vec<Vec<SocketAddr>>) -> impl Resolver {
    let (answers, asked) = (Arc::new(answers), Arc::new(AtomicUsize::new(0)));
    service_fn(move |_: Name| {
        let at = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let found = answers[at].clone();
        async move { Ok::<_, Infallible>(found.into_iter()) }
    })
}

/// A receiver that takes everything, and counts its connections.
async fn receiver() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
        }
    });
    (port, connections)
}

#[tokio::test]
async fn a_private_address_is_never_connected_to_whatever_a_name_led_to_before() {
    let (port, connections) = receiver().await;
    let (public, private) = ("198.41.0.4:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
    // First in public, then here; and here from the beginning, alone or beside a public one.
    for answers in [vec![vec![private]], vec![vec![public, private]], vec![vec![private, public]]] {
        let postman = Postman::resolving(resolver(answers), &settings(false));
        let answered = postman.send(&delivery(&format!("https://rebinding.acme.example:{port}/"))).await;
        assert_eq!(answered, AttemptResult::NoResponse(NOT_ALLOWED));
    }
    let mut guarded = AddressPolicy::new(resolver(vec![vec![public], vec![private]]), false);
    let name: Name = "rebinding.acme.example".parse().unwrap();
    let first: Vec<_> = tower::Service::call(&mut guarded, name.clone()).await.unwrap().collect();
    assert_eq!(first, [public]);
    assert!(tower::Service::call(&mut guarded, name).await.is_err_and(|error| error.is::<NotAllowed>()));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_address_in_the_url_is_checked_too() {
    let (port, connections) = receiver().await;
    let postman = Postman::new(&settings(false));
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
        let answered = postman.send(&delivery(&format!("https://{host}:{port}/"))).await;
        assert_eq!(answered, AttemptResult::NoResponse(NOT_ALLOWED), "{host}");
    }
    let plain = postman.send(&delivery("http://hooks.acme.example/")).await;
    assert_eq!(plain, AttemptResult::NoResponse("no https URL"));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let (port, connections) = receiver().await;
    let postman = Postman::resolving(resolver(vec![vec!["127.0.0.1:0".parse().unwrap()]]), &settings(true));
    let answered = postman.send(&delivery(&format!("http://only.acme.example:{port}/"))).await;
    assert_eq!((answered, connections.load(Ordering::SeqCst)), (AttemptResult::Status(204), 1));
}

#[tokio::test]
async fn a_post_is_signed_over_its_time_and_body() {
    let delivery = delivery("https://hooks.acme.example/in?kind=chat");
    let request = request(&delivery, Instant::from_micros(1_700_000_001_999_999)).unwrap();
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("x-switchboard-event"), header("x-switchboard-timestamp")),
        ("7".into(), "1700000001".into())
    );
    assert_eq!(header("x-switchboard-signature"), signature("whsec_00", "1700000001", &body));
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&json["jid"], &json["sessionId"]),
        (&"15550101844@s.whatsapp.net".into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_signature_is_what_other_implementations_make_of_it() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_00
    let expected = "c791ae52b1eb1cbec8b09acda76af1aa69e37fcc2005fa9b8cdd04295fb15583";
    assert_eq!(signature("whsec_00", "1700000000", b"{}"), format!("v1={expected}"));
}
