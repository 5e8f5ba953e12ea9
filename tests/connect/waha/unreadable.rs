//! Webhooks and histories of which something cannot be read: the rest is read all the same.

use std::collections::BTreeMap;

use switchboard::connect::gateway::Gateway;
use switchboard::pb::ingest_event::Event;

use super::client::pulled;
use super::server::{HALF, Waha, text};
use super::service::{BASE, SECRET, Service};
use super::{ASHA, gateway};

const CHATS: i64 = 5;
const MESSAGES: i64 = 40;

/// A server with some chats of some messages. The body of the message with that number is `body`.
async fn server(has_all: bool, number: i64, body: &str) -> Waha {
    let waha = Waha::start().await;
    waha.state().has_all = has_all;
    for n in 0..MESSAGES {
        let id = format!("false_{}_3EB0{n:04}", chat(n % CHATS));
        // Several of one second.
        waha.state().add(text(&id, if n == number { body } else { "hi" }, BASE + n / 7));
    }
    waha
}

fn chat(n: i64) -> String {
    format!("1555020{n:04}@c.us")
}

/// The bodies of the messages, by id.
async fn bodies(gateway: &dyn Gateway) -> BTreeMap<String, String> {
    let (events, _) = pulled(gateway, None).await;
    let messages = events.into_iter().filter_map(|event| match event {
        Event::Message(message) => Some((message.id, message.body.unwrap_or_default())),
        _ => None,
    });
    messages.collect()
}

#[tokio::test]
async fn webhook_that_serde_cannot_read_is_stored() {
    let service = Service::start(Waha::start().await).await;
    let at = switchboard::instant::Instant::now().millis();
    let body = |id: &str, body: &str, more: &str| {
        let message = text(&format!("false_{ASHA}_{id}"), "BODY", BASE).to_string().replace("BODY", body);
        format!(
            r#"{{"id":"evt_{id}","timestamp":{at},"event":"message.any","session":"default","payload":{message}{more}}}"#
        )
    };
    let deep = format!(r#","deep":{}1{}"#, "[".repeat(500), "]".repeat(500));
    for (id, text, more) in [
        ("3EB0HALF", r"half \ud83d", ""),
        ("3EB0DEEP", "deep", &deep),
        ("3EB0NUMBER", "number", r#","n":1e999"#),
    ] {
        assert_eq!(service.webhook_body(SECRET, body(id, text, more)).await, 200, "{id}");
    }
    service.message(ASHA, |message| message["body"] == "half \u{fffd}").await;
    service.message(ASHA, |message| message["body"] == "deep").await;
    let path = format!("/api/v1/connections/{}/events", service.id);
    let events = service.manager.get(path).await.expect(200).json();
    let states: Vec<_> =
        events["data"].as_array().expect("events").iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states.len(), 3, "{events:#}");
    assert_eq!(service.webhook_body(SECRET, "{".to_owned()).await, 400);
}

#[tokio::test]
async fn history_with_half_a_surrogate_pair_is_read() {
    for has_all in [true, false] {
        let waha = server(has_all, 17, &format!("half {HALF}")).await;
        let bodies = bodies(&*gateway(&waha)).await;
        assert_eq!(bodies.len(), 40, "all: {has_all}");
        assert_eq!(bodies["3EB00017"], "half \u{fffd}");
    }
}
