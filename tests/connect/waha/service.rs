//! From a WAHA server to the inbox and back, through the service.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::ASHA;
use super::server::{KEY, PHONE, Waha, text};
use crate::support::{Rest, World, until};

pub const SECRET: &str = "3c1f9e0b7a5d4c2e8f6a1b0d9c7e5f3a";
pub const TIMEOUT: Duration = Duration::from_secs(120);
pub const BASE: i64 = 1_760_000_000;

pub struct Service {
    pub world: World,
    pub waha: Waha,
    pub manager: Rest,
    /// Where webhooks go.
    pub address: SocketAddr,
    /// The connection.
    pub id: String,
}

impl Service {
    /// Connects the server with one call.
    pub async fn start(waha: Waha) -> Self {
        Self::start_with(waha, json!({})).await
    }

    /// Connects the server with one call, with these settings beyond the necessary ones.
    pub async fn start_with(waha: Waha, settings: Value) -> Self {
        let world = World::start_with("127.0.0.1:0", &["--connection-host", "127.0.0.1"]).await;
        Self::connect(world, waha, settings).await
    }

    /// Connects the server of that world with one call.
    pub async fn start_in(world: World, waha: Waha) -> Self {
        Self::connect(world, waha, json!({})).await
    }

    /// Connects the server with these settings beyond the necessary ones.
    async fn connect(world: World, waha: Waha, settings: Value) -> Self {
        let manager = world.anonymous().token(&world.key("read,send,manage").await);
        let mut connection = json!({
            "kind": "waha", "phoneNumber": PHONE, "url": waha.url(), "apiKey": KEY, "webhookSecret": SECRET,
            "sendsPerMinute": 6000,
        });
        let fields = connection.as_object_mut().expect("an object");
        fields.extend(settings.as_object().expect("an object").clone());
        let made = manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
        assert!(!made.text().contains(KEY) && !made.text().contains(SECRET), "{}", made.text());
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        let address = world.address();
        Self { world, waha, manager, address, id }
    }

    pub async fn connection(&self) -> Value {
        self.manager.get(format!("/api/v1/connections/{}", self.id)).await.expect(200).json()
    }

    /// Waits until the first sync has ended.
    pub async fn synced(&self, time: Duration) -> Value {
        let deadline = Instant::now() + time;
        loop {
            let connection = self.connection().await;
            if connection["completeUntil"].is_i64() {
                return connection;
            }
            assert!(Instant::now() < deadline, "not synced: {connection:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends an event as WAHA does. Returns the status.
    pub async fn webhook(&self, key: &str, id: &str, event: &str, payload: Value) -> u16 {
        let body = json!({
            "id": id, "timestamp": switchboard::instant::Instant::now().millis(), "event": event, "session": "default",
            "engine": "GOWS", "me": { "id": format!("{PHONE}@c.us") }, "payload": payload,
        });
        self.webhook_body(key, body.to_string()).await
    }

    /// Sends the body of an event as WAHA does. Returns the status.
    pub async fn webhook_body(&self, key: &str, body: String) -> u16 {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key.as_bytes()), body.as_bytes());
        let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let caller =
            Rest::new(self.address).with("x-webhook-hmac", digits).with("x-webhook-hmac-algorithm", "sha512");
        caller.json("POST", format!("/connect/waha/{}", self.id), body).await.status
    }

    /// Waits for a message of the chat that satisfies the condition.
    pub async fn message(&self, chat: &str, condition: impl Fn(&Value) -> bool) -> Value {
        self.message_within(TIMEOUT, chat, condition).await
    }

    /// Waits for a message of the chat that satisfies the condition, but not longer than that.
    pub async fn message_within(
        &self,
        limit: Duration,
        chat: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let page = self.manager.get(format!("/v1/chats/{chat}/messages")).await;
            let page = if page.status == 404 { Value::Null } else { page.expect(200).json() };
            let messages = page["messages"].as_array().cloned().unwrap_or_default();
            if let Some(message) = messages.iter().find(|message| condition(message)) {
                return message.clone();
            }
            assert!(Instant::now() < deadline, "no such message among {messages:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub fn is_id(id: &str) -> impl Fn(&Value) -> bool {
    move |message| message["message_id"].as_str().is_some_and(|known| known.contains(id))
}

#[tokio::test]
async fn webhooks_are_checked_stored_once_and_shown() {
    let service = Service::start(Waha::start().await).await;
    let id = format!("false_{ASHA}_3EB0A");
    let message = text(&id, "hi", BASE);
    assert_eq!(
        service.webhook("another-secret-another-secret-00", "evt_0", "message.any", message.clone()).await,
        401
    );
    for _ in 0..2 {
        assert_eq!(service.webhook(SECRET, "evt_1", "message.any", message.clone()).await, 200);
    }
    assert_eq!(service.webhook(SECRET, "evt_2", "presence.update", json!({ "id": ASHA })).await, 200);
    assert_eq!(service.webhook(SECRET, "evt_3", "message.any", json!({ "id": "nonsense" })).await, 200);
    service.message(ASHA, |message| message["body"] == "hi").await;

    let reaction = json!({ "id": format!("false_{ASHA}_3EB0R"), "timestamp": BASE + 5, "fromMe": false, "from": ASHA,
        "reaction": { "text": "👍", "messageId": id } });
    assert_eq!(service.webhook(SECRET, "evt_4", "message.reaction", reaction).await, 200);
    let mut edited = text(&id, "hi all", BASE);
    edited["editedMessageId"] = "3EB0A".into();
    assert_eq!(service.webhook(SECRET, "evt_5", "message.edited", edited).await, 200);
    service.message(ASHA, |message| message["body"] == "hi all" && message["has_reaction"] == true).await;

    let path = format!("/api/v1/connections/{}/events", service.id);
    let mut events: Vec<(Value, Value)> = Vec::new();
    // Their states are stored after what they became.
    until("all events are processed", async || {
        let listed = service.manager.get(&path).await.expect(200).json();
        let listed = listed["data"].as_array().expect("events");
        events = listed.iter().map(|event| (event["key"].clone(), event["state"].clone())).collect();
        events.iter().all(|(_, state)| state != "received")
    })
    .await;
    assert_eq!(events.len(), 5, "{events:?}");
    assert!(events.contains(&(json!("evt_2"), json!("ignored"))), "{events:?}");
    assert!(events.contains(&(json!("evt_3"), json!("failed"))), "{events:?}");
    let revoked = json!({ "before": text(&id, "hi all", BASE), "after": null, "revokedMessageId": "3EB0A" });
    assert_eq!(service.webhook(SECRET, "evt_6", "message.revoked", revoked).await, 200);
    service.message(ASHA, |message| message["is_deleted"] == true).await;
}

#[tokio::test]
async fn lost_webhooks_are_made_up_for_by_a_sync() {
    let service = Service::start(Waha::start().await).await;
    service.synced(TIMEOUT).await;
    let at = switchboard::instant::Instant::now().millis() / 1000;
    service.waha.state().add(text(&format!("false_{ASHA}_3EB0LOST"), "did you get this?", at));
    service.manager.json("POST", format!("/api/v1/connections/{}:sync", service.id), "{}").await.expect(200);
    service.message(ASHA, is_id("3EB0LOST")).await;
}

#[tokio::test]
async fn history_is_read_within_the_budget_of_requests() {
    let waha = Waha::start().await;
    waha.state().has_all = false;
    for chat in 0..30 {
        let id = format!("false_1555020{chat:04}@c.us_3EB0{chat:04}");
        waha.state().add(text(&id, "hello", BASE + chat));
    }
    // Each chat has unread messages and takes two requests.
    waha.state().chats.values_mut().for_each(|chat| chat["unreadCount"] = 1.into());
    let started = Instant::now();
    let service = Service::start_with(waha, json!({ "syncRequestsPerMinute": 600 })).await;
    let connection = service.synced(TIMEOUT).await;
    let calls = service.waha.calls("/api/default/").len();
    assert_eq!(connection["syncRequestsPerMinute"], 600);
    assert!(calls > 60, "{calls} requests");
    let least = Duration::from_millis(100) * u32::try_from(calls - 5).expect("a few");
    assert!(started.elapsed() > least, "{calls} requests in {:?}", started.elapsed());
    let first = Duration::from_secs(2);
    let early = service.waha.calls("/api/default/").iter().filter(|call| call.at - started < first).count();
    assert!(early <= 22, "{early} requests in the first two seconds");
}
