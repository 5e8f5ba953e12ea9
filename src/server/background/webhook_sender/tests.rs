//! The content of a delivery, and its result when nothing may be sent.

use super::*;
use crate::config::Secret;
use crate::ids::{OrgId, WebhookId};
use crate::store::Json;
use crate::store::events::ChangeEvent;

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

#[tokio::test]
async fn delivery_to_a_private_address_is_not_sent() {
    let timeout = Duration::from_secs(5);
    let settings =
        WebhookConfig { allow_private_networks: false, timeout, max_attempts: 1, initial_backoff: timeout };
    let sender = HttpSender::new(&settings);
    for (url, reason) in [
        ("https://127.0.0.1:1/", "the address is not a public one"),
        ("https://localhost:1/", "the address is not a public one"),
        ("http://hooks.acme.example/", "the URL is not https"),
    ] {
        assert_eq!(sender.send(&delivery(url)).await, AttemptResult::NoResponse(reason), "{url}");
    }
}

#[test]
fn signature_covers_time_and_body() {
    let delivery = delivery("https://hooks.acme.example/in?kind=chat");
    let (headers, body) = message(&delivery, Instant::from_micros(1_700_000_001_999_999));
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((header("x-switchboard-event"), header("x-switchboard-timestamp")), ("7", "1700000001"));
    assert_eq!(header("x-switchboard-signature"), signature("whsec_00", "1700000001", &body));
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&json["jid"], &json["sessionId"]),
        (&"15550101844@s.whatsapp.net".into(), &serde_json::Value::Null)
    );
}

#[test]
fn signature_equals_that_of_openssl() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_00
    let expected = "c791ae52b1eb1cbec8b09acda76af1aa69e37fcc2005fa9b8cdd04295fb15583";
    assert_eq!(signature("whsec_00", "1700000000", b"{}"), format!("v1={expected}"));
}
