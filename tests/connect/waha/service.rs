//! From a WAHA server to the inbox and back, through the service. `make fill` fills it with 1,000 chats and 50,000 messages.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::ASHA;
use super::server::{KEY, PHONE, Waha, text};
use crate::support::{Rest, World};

pub const SECRET: &str = "3c1f9e0b7a5d4c2e8f6a1b0d9c7e5f3a";
pub const TIMEOUT: Duration = Duration::from_secs(30);
const BASE: i64 = 1_760_000_000;

pub struct Service {
    pub world: World,
    pub waha: Waha,
    pub manager: Rest,
    /// The connection.
    pub id: String,
}

impl Service {
    /// Connects the server with one call.
    pub async fn start(waha: Waha) -> Self {
        let world = World::start_with("127.0.0.1:0", &["--connection-host", "127.0.0.1"]).await;
        Self::start_in(world, waha).await
    }

    /// Connects the server of that world with one call.
    pub async fn start_in(world: World, waha: Waha) -> Self {
        let manager = world.anonymous().token(&world.key("read,send,manage").await);
        let connection = json!({
            "kind": "waha", "phoneNumber": PHONE, "url": waha.url(), "apiKey": KEY, "webhookSecret": SECRET,
            "sendsPerMinute": 6000,
        });
        let made = manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
        assert!(!made.text().contains(KEY) && !made.text().contains(SECRET), "{}", made.text());
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        Self { world, waha, manager, id }
    }

    async fn connection(&self) -> Value {
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
        let body = body.to_string();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key.as_bytes()), body.as_bytes());
        let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let caller =
            self.world.anonymous().with("x-webhook-hmac", digits).with("x-webhook-hmac-algorithm", "sha512");
        caller.json("POST", format!("/connect/waha/{}", self.id), body).await.status
    }

    /// Waits for a message of the chat that satisfies the condition.
    pub async fn message(&self, chat: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + TIMEOUT;
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
async fn one_call_fills_an_empty_inbox() {
    let is_long = std::env::var_os("FILL").is_some();
    let (chats, messages) = if is_long { (1_000_i64, 50_000) } else { (50, 1_500) };
    let waha = Waha::start().await;
    for n in 0..messages {
        let id = format!("{}_1555020{:04}@c.us_3EB0{n:08}", n % 3 == 0, n % chats);
        waha.state().add(text(&id, &format!("message {n}"), BASE + n));
    }
    let service = Service::start(waha).await;
    let started = Instant::now();
    // What happens now does not wait for the history.
    let mut delays = Vec::new();
    let connection = loop {
        let id = format!("3EB0LIVE{:04}", delays.len());
        let live = text(&format!("false_{ASHA}_{id}"), "now", BASE + messages);
        let sent = Instant::now();
        assert_eq!(service.webhook(SECRET, &format!("evt_{id}"), "message.any", live).await, 200);
        service.message(ASHA, is_id(&id)).await;
        delays.push(sent.elapsed());
        let connection = service.connection().await;
        if connection["completeUntil"].is_i64() {
            break connection;
        }
        assert!(started.elapsed() < Duration::from_secs(180), "not synced: {connection:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let seconds = started.elapsed().as_secs_f64();
    delays.sort_unstable();
    let live = i64::try_from(delays.len()).expect("a few");
    let slowest = delays[delays.len() * 99 / 100];
    let mut sql = service.world.database.sql();
    let of_phone = format!("JOIN sessions USING (org_id, session_id) WHERE phone = '{PHONE}'");
    assert_eq!(sql.count(&format!("messages {of_phone}")), messages + live, "{connection:#}");
    assert_eq!(sql.count(&format!("session_chats {of_phone}")), chats + 1);
    let unread = sql.value(&format!("SELECT coalesce(sum(unread), 0)::int8 FROM session_chats {of_phone}"));
    assert_eq!(unread, live, "only the live messages are unread");
    assert_eq!((&connection["status"], &connection["sync"]["error"]), (&json!("connected"), &json!("")));
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = messages as f64 / seconds;
    println!(
        "{messages} messages in {seconds:.1} s, {rate:.0} a second; p99 of {live} live ones {slowest:?}"
    );
    assert!(!is_long || slowest < Duration::from_millis(300), "{slowest:?}");
    assert!(!is_long || rate >= 2_000.0, "{rate:.0} messages a second");
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
    let events = service.manager.get(path).await.expect(200).json();
    let events: Vec<(Value, Value)> = events["data"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| (event["key"].clone(), event["state"].clone()))
        .collect();
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
