//! Webhooks and histories of which something cannot be read: the rest is read all the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::{Gateway, GatewayError};
use switchboard::pb::ingest_event::Event;

use super::client::pulled;
use super::server::{DROPPED, Failure, HALF, LARGE, Waha, text};
use super::service::{BASE, SECRET, Service, TIMEOUT, is_id};
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
    let messages = events.into_iter().filter_map(|event| {
        if let Event::Message(message) = event {
            Some((message.id, message.body.unwrap_or_default()))
        } else {
            None
        }
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

#[tokio::test]
async fn message_that_is_too_large_is_left_out() {
    for (has_all, number) in [(true, 0), (true, 17), (true, 39), (false, 17), (false, 39)] {
        let waha = server(has_all, number, LARGE).await;
        waha.state().chats.get_mut(&chat(number % CHATS)).expect("a chat")["unreadCount"] = 9.into();
        let bodies = bodies(&*gateway(&waha)).await;
        assert_eq!(bodies.len(), 39, "all: {has_all}, {number}");
        assert!(!bodies.contains_key(&format!("3EB0{number:04}")), "all: {has_all}, {number}");
    }
}

#[tokio::test]
async fn small_page_without_messages_is_not_the_end() {
    for has_all in [true, false] {
        // The engine drops rows before the one that makes pages too large.
        let waha = server(has_all, 20, LARGE).await;
        let is_dropped = |n: usize| (1..=18).contains(&n);
        for (_, message) in waha.state().messages.iter_mut().enumerate().filter(|(n, _)| is_dropped(*n)) {
            message["_data"]["type"] = DROPPED.into();
        }
        let bodies = bodies(&*gateway(&waha)).await;
        assert_eq!(bodies.len(), 40 - 18 - 1, "all: {has_all}");
    }
}

#[tokio::test]
async fn history_goes_on_after_a_chat_that_cannot_be_read() {
    let waha = server(false, 0, "hi").await;
    waha.state().broken = BTreeSet::from([chat(0), chat(2)]);
    assert_eq!(bodies(&*gateway(&waha)).await.len(), 24);
    // One failure of a chat may pass.
    waha.state().broken.clear();
    waha.fail("/api/default/chats/15550200001@c.us/messages", Failure::Status(500, json!({})));
    assert_eq!(bodies(&*gateway(&waha)).await.len(), 40);
}

/// The failure of the first page that cannot be read.
async fn failure(gateway: &dyn Gateway) -> GatewayError {
    let (mut cursor, budget) = (None, Budget::per_minute(60_000));
    loop {
        match gateway.pull(None, cursor.as_ref(), &budget).await {
            Ok(page) => cursor = Some(page.cursor.expect("more pages")),
            Err(error) => return error,
        }
    }
}

#[tokio::test]
async fn sync_waits_for_a_gateway_that_does_not_work() {
    let path = "/api/default/chats/15550200001@c.us/messages";
    let stopped = json!({ "status": "STOPPED", "expected": ["WORKING"] });
    for (status, body) in [(422, stopped), (401, json!({})), (403, json!({})), (429, json!({}))] {
        let waha = server(false, 0, "hi").await;
        waha.fail(path, Failure::Status(status, body));
        let error = failure(&*gateway(&waha)).await;
        let expected = matches!(error, GatewayError::Unauthorized | GatewayError::Unavailable { .. });
        assert!(expected, "{status}: {error:?}");
    }
    let waha = server(false, 0, "hi").await;
    waha.fail(path, Failure::Silence);
    assert!(matches!(failure(&*gateway(&waha)).await, GatewayError::Unavailable { .. }));
    let waha = server(false, 0, "hi").await;
    waha.state().broken.insert(chat(1));
    waha.state().crashes = true;
    assert!(matches!(failure(&*gateway(&waha)).await, GatewayError::Unavailable { .. }));
}

#[tokio::test]
async fn sync_shows_that_a_chat_could_not_be_read() {
    let waha = server(false, 0, "hi").await;
    waha.state().broken.insert(chat(1));
    let service = Service::start(waha).await;
    service.message(&chat(4), is_id("3EB00039")).await;
    let connection = service.synced(TIMEOUT).await;
    assert_eq!(connection["sync"]["error"], "1 chat could not be read", "{connection:#}");
}
