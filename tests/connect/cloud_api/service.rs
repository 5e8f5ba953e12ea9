//! From Meta's webhooks to the inbox and back, through the service.

mod owners;
mod states;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::graph::{ACCOUNT, Graph, NUMBER, TOKEN};
use crate::support::{Rest, World};

const APP_SECRET: &str = "3c1f9e0b7a5d4c2e8f6a1b0d9c7e5f3a";
const VERIFY_TOKEN: &str = "5e7c9d0b1a6f8e2c4d5a7b0e9f1c3d6e";
pub const PHONE: &str = "15550100477";
pub const CUSTOMER: &str = "15550101777";
pub const TIMEOUT: Duration = Duration::from_secs(120);

pub struct Service {
    world: World,
    pub graph: Graph,
    pub manager: Rest,
    /// The connection.
    id: String,
    media: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.media);
    }
}

impl Service {
    pub async fn start() -> Self {
        Self::start_with(ACCOUNT).await
    }

    /// Connects the phone number, of that WhatsApp Business Account.
    async fn start_with(business_account: &str) -> Self {
        let graph = Graph::start().await;
        graph.set_number("display_phone_number", PHONE);
        let media = std::env::temp_dir().join(format!("sb-cloud-{}", uuid::Uuid::now_v7().simple()));
        let directory = media.display().to_string();
        let args = ["--connection-host", "127.0.0.1", "--media-dir", &directory];
        let world = World::start_with("127.0.0.1:0", &args).await;
        let manager = world.anonymous().token(&world.key("read,send,manage").await);
        let mut service = Self { world, graph, manager, id: String::new(), media };
        service.id = service.connect(PHONE, NUMBER, business_account).await;
        service
    }

    /// Connects a phone number. Returns the id of the connection.
    async fn connect(&self, phone: &str, account: &str, business_account: &str) -> String {
        let connection = json!({
            "kind": "cloud_api", "phoneNumber": phone, "url": self.graph.url(), "account": account, "apiKey": TOKEN,
            "webhookSecret": APP_SECRET, "verifyToken": VERIFY_TOKEN, "businessAccount": business_account,
        });
        let made = self.manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
        let text = made.text();
        for secret in [TOKEN, APP_SECRET, VERIFY_TOKEN] {
            assert!(!text.contains(secret), "{text}");
        }
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    fn endpoint(&self) -> String {
        format!("/connect/cloud_api/{}", self.id)
    }

    /// Sends a webhook as Meta does: characters beyond ASCII are escaped before the body is signed.
    pub async fn webhook(&self, webhook: &Value) -> u16 {
        self.webhook_body(webhook.to_string().chars().map(escaped).collect()).await
    }

    /// Sends the body of a webhook as Meta does.
    async fn webhook_body(&self, body: String) -> u16 {
        let meta = self.world.anonymous().with("x-hub-signature-256", signed(APP_SECRET, &body));
        meta.json("POST", self.endpoint(), body).await.status
    }

    /// The messages of the customer's chat with a phone number.
    pub async fn messages(&self, phone: &str) -> Vec<Value> {
        let reader = self.manager.with("x-phone", phone);
        let page = reader.get(format!("/v1/chats/{CUSTOMER}@c.us/messages")).await;
        if page.status == 404 {
            Vec::new()
        } else {
            page.expect(200).json()["messages"].as_array().cloned().unwrap_or_default()
        }
    }

    /// Waits for a message that satisfies the condition.
    pub async fn message(&self, phone: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let messages = self.messages(phone).await;
            if let Some(message) = messages.iter().find(|message| condition(message)) {
                return message.clone();
            }
            assert!(Instant::now() < deadline, "no such message among {messages:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn events(&self) -> Vec<Value> {
        self.events_of(&self.id).await
    }

    async fn events_of(&self, id: &str) -> Vec<Value> {
        let page = self.manager.get(format!("/api/v1/connections/{id}/events")).await.expect(200).json();
        page["data"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until an event of the connection has that state.
    async fn has_event(&self, id: &str, state: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let events = self.events_of(id).await;
            if events.iter().any(|event| event["state"] == state) {
                return;
            }
            assert!(Instant::now() < deadline, "none is {state}: {events:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The signature of a body.
fn signed(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

fn escaped(c: char) -> String {
    if c.is_ascii() {
        return c.to_string();
    }
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

pub fn change(number: &str, name: &str, item: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": PHONE, "phone_number_id": number},
        "contacts": [{"profile": {"name": "Asha"}, "wa_id": CUSTOMER, "user_id": "US.1777"}],
    });
    value[name] = json!([item]);
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": [{"field": "messages", "value": value}]}],
    })
}

pub fn incoming(number: &str, id: &str, kind: &str, content: Value) -> Value {
    let mut message =
        json!({"from": CUSTOMER, "from_user_id": "US.1777", "id": id, "timestamp": now(), "type": kind});
    message[kind] = content;
    change(number, "messages", message)
}

pub fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    now.as_secs().to_string()
}

#[tokio::test]
async fn webhooks_are_verified_stored_once_and_mapped() {
    let service = Service::start().await;
    let meta = service.world.anonymous();
    let verify = |token: &str| {
        format!("{}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}", service.endpoint())
    };
    assert_eq!(meta.get(verify(VERIFY_TOKEN)).await.expect(200).text(), "1158201444");
    assert_eq!(meta.get(verify("other")).await.status, 401);

    let webhook = incoming(NUMBER, "wamid.HBgLT1", "text", json!({"body": "grüß dich 😮"}));
    assert_eq!(meta.json("POST", service.endpoint(), webhook.to_string()).await.status, 401);
    let forged = meta.with("x-hub-signature-256", format!("sha256={}", "0".repeat(64)));
    assert_eq!(forged.json("POST", service.endpoint(), webhook.to_string()).await.status, 401);
    assert!(service.events().await.is_empty());

    for _ in 0..2 {
        assert_eq!(service.webhook(&webhook).await, 200);
    }
    let message = service.message(PHONE, |message| message["body"] == "grüß dich 😮").await;
    assert_eq!((&message["message_type"], &message["from_me"]), (&json!("chat"), &json!(false)));
    assert_eq!((service.messages(PHONE).await.len(), service.events().await.len()), (1, 1));
    let chat = service.manager.get("/v1/chats/US.1777@bsuid").await.expect(200).json();
    assert_eq!((&chat["chat_name"], &chat["chat_id"]), (&json!("Asha"), &json!(format!("{CUSTOMER}@c.us"))));
}

#[tokio::test]
async fn event_of_another_number_goes_to_its_connection() {
    let service = Service::start().await;
    let other = service.connect("15550100478", "1066", ACCOUNT).await;
    let hello =
        |number: &str, id: &str| incoming(number, id, "text", json!({"body": format!("to {number}")}));
    assert_eq!(service.webhook(&hello("1066", "wamid.HBgLT2")).await, 200);
    assert_eq!(service.webhook(&hello("1067", "wamid.HBgLT3")).await, 200);
    assert_eq!(service.webhook(&hello(NUMBER, "wamid.HBgLT4")).await, 200);
    let message = service.message("15550100478", |message| message["body"] == "to 1066").await;
    assert_eq!(message["org_phone"], "15550100478@c.us");
    let message = service.message(PHONE, |message| message["body"] == format!("to {NUMBER}")).await;
    assert_eq!(message["org_phone"], format!("{PHONE}@c.us"));
    for state in ["ignored", "mapped"] {
        service.has_event(&service.id, state).await;
    }
    assert_eq!(service.events().await.len(), 2);
    let events = service.manager.get(format!("/api/v1/connections/{other}/events")).await.expect(200).json();
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn webhook_with_half_a_surrogate_pair_is_stored() {
    let service = Service::start().await;
    let webhook = incoming(NUMBER, "wamid.HBgLT5", "text", json!({"body": "half HALF"}));
    assert_eq!(service.webhook_body(webhook.to_string().replace("HALF", r"\ud83d")).await, 200);
    service.message(PHONE, |message| message["body"] == "half \u{fffd}").await;
    assert_eq!(service.webhook_body(r#"{"entry":[{"id":1e999}]}"#.to_owned()).await, 200);
    service.has_event(&service.id, "failed").await;
}

/// What the app that a business removed sends.
fn removed(account: &str) -> Value {
    let value = json!({"event": "PARTNER_REMOVED", "waba_info": {"waba_id": account}});
    json!({"entry": [{"id": account, "changes": [{"field": "account_update", "value": value}]}]})
}

#[tokio::test]
async fn change_of_an_account_goes_to_its_connections() {
    let service = Service::start_with("").await;
    let [one, two] = [("15550100478", "1066"), ("15550100479", "1067")];
    let others = [service.connect(one.0, one.1, "2041").await, service.connect(two.0, two.1, "2041").await];
    assert_eq!(service.webhook(&removed("2041")).await, 200);
    assert!(service.events().await.is_empty());
    for id in &others {
        service.has_event(id, "mapped").await;
    }
    // Whose account is not set is not changed by that of an account without a connection.
    assert_eq!(service.webhook(&removed("2042")).await, 200);
    service.has_event(&service.id, "ignored").await;
    let own = service.manager.get(format!("/api/v1/connections/{}", service.id)).await.expect(200).json();
    assert_ne!(own["status"], "logged_out", "{own:#}");
}
