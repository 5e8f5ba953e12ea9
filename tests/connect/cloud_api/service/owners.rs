//! Whose connection an event of a webhook reaches, and who may have a connection of an account.

use serde_json::{Value, json};

use super::super::graph::{ACCOUNT, Failure, NUMBER, TOKEN};
use super::{APP_SECRET, CUSTOMER, PHONE, Service, VERIFY_TOKEN, change, incoming, now, removed, signed};
use crate::support::{Answer, until};

const OTHER_SECRET: &str = "9d4e2c8f6a1b0d7c5e3f1a9b7d5c3e1f";
const OTHER_PHONE: &str = "15550100478";

fn body(service: &Service, phone: &str, account: &str, secret: &str) -> Value {
    json!({
        "kind": "cloud_api", "phoneNumber": phone, "url": service.graph.url(), "account": account, "apiKey": TOKEN,
        "webhookSecret": secret, "verifyToken": VERIFY_TOKEN, "businessAccount": ACCOUNT,
    })
}

async fn create(service: &Service, body: &Value) -> Answer {
    service.manager.json("POST", "/api/v1/connections", body.to_string()).await
}

#[tokio::test]
async fn webhook_of_another_app_reaches_no_connection_of_this_one() {
    let service = Service::start().await;
    let made = create(&service, &body(&service, OTHER_PHONE, "1066", OTHER_SECRET)).await.expect(201);
    let other = made.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/connect/cloud_api/{other}");
    let forged = incoming(NUMBER, "wamid.HBgLFORGED", "text", json!({"body": "forged"}));
    for webhook in [forged, removed(ACCOUNT)] {
        let text = webhook.to_string();
        let meta = service.world.anonymous().with("x-hub-signature-256", signed(OTHER_SECRET, &text));
        meta.json("POST", &path, text).await.expect(200);
    }
    until("they are mapped", async || {
        let events = service.events_of(&other).await;
        events.len() == 2 && events.iter().all(|event| event["state"] != "received")
    })
    .await;
    assert_eq!(service.events().await, Vec::<Value>::new());
    assert_eq!(service.messages(PHONE).await, Vec::<Value>::new());
    let own = service.manager.get(format!("/api/v1/connections/{}", service.id)).await.expect(200).json();
    assert_ne!(own["status"], "logged_out", "{own:#}");
}

#[tokio::test]
async fn account_has_one_enabled_connection() {
    let service = Service::start().await;
    let same = body(&service, OTHER_PHONE, NUMBER, APP_SECRET);
    create(&service, &same).await.expect(409);
    let mut of_version = same.clone();
    of_version["url"] = format!("{}/v24.0", service.graph.url()).into();
    create(&service, &of_version).await.expect(409);
    let mut disabled = same.clone();
    disabled["enabled"] = false.into();
    let id = create(&service, &disabled).await.expect(201).json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/connections/{id}");
    let patch = async |change: Value| service.manager.patch(&path, change).await;
    patch(json!({"enabled": true})).await.expect(409);
    patch(json!({"account": "1066", "enabled": true})).await.expect(200);
    patch(json!({"account": NUMBER})).await.expect(409);
    patch(json!({"syncRequestsPerMinute": 60})).await.expect(200);
    service.webhook(&incoming(NUMBER, "wamid.HBgLOWN", "text", json!({"body": "own"}))).await;
    service.message(PHONE, |message| message["body"] == "own").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_changes_enable_one_connection_of_an_account() {
    let service = Service::start().await;
    for account in ["2001", "2002", "2003"] {
        let mut changes = Vec::new();
        for line in 0..6 {
            let mut new = body(&service, &format!("15550{account}{line}"), account, APP_SECRET);
            new["enabled"] = false.into();
            let made = create(&service, &new).await.expect(201).json();
            let path = format!("/api/v1/connections/{}", made["id"].as_str().expect("an id"));
            // A key's writes that need it to be valid wait for one another.
            let key = service.world.database.create_key(&service.world.org.id, "manage", &[]);
            let manager = service.world.anonymous().token(&key);
            changes.push(async move { manager.patch(&path, json!({"enabled": true})).await.status });
        }
        let changes = changes.into_iter().map(tokio::spawn).collect::<Vec<_>>();
        let mut statuses = Vec::new();
        for change in changes {
            statuses.push(change.await.expect("no panic"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409]);
    }
}

#[tokio::test]
async fn status_changes_no_send_of_another_session() {
    let service = Service::start().await;
    service.connect(OTHER_PHONE, "1066", ACCOUNT).await;
    service.graph.fail("1066/messages", Failure::Error(429, 0, "", Some(600)));
    let body = json!({"chat_id": format!("{CUSTOMER}@c.us"), "message": "Hello"}).to_string();
    service.webhook(&incoming("1066", "wamid.HBgLHI", "text", json!({"body": "hi"}))).await;
    service.message(OTHER_PHONE, |message| message["body"] == "hi").await;
    let caller = service.manager.with("x-phone", OTHER_PHONE);
    let sent = caller.json("POST", "/v1/message/send", body).await.expect(200).json();
    until("it was attempted", async || !service.graph.calls("1066/messages").is_empty()).await;
    let status = json!({
        "id": "wamid.HBgLSENT", "status": "sent", "timestamp": now(), "recipient_id": CUSTOMER,
        "biz_opaque_callback_data": sent["queue_id"],
    });
    assert_eq!(service.webhook(&change(NUMBER, "statuses", status)).await, 200);
    service.has_event(&service.id, "mapped").await;
    let path = format!("/v1/message/{}", sent["queue_id"].as_str().expect("an id"));
    let shown = service.manager.get(path).await.expect(200).json();
    assert_eq!((&shown["send"]["state"], &shown["unique_id"]), (&json!("queued"), &sent["unique_id"]));
}
