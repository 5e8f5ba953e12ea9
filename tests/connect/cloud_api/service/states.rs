//! What repeated statuses and failed polls leave as it is.

use serde_json::{Value, json};

use super::super::graph::{ACCOUNT, Failure, NUMBER};
use super::{CUSTOMER, PHONE, Service, change, incoming, now, removed};
use crate::support::until;

#[tokio::test]
async fn late_status_of_a_reaction_leaves_a_newer_one() {
    let service = Service::start().await;
    service.webhook(&incoming(NUMBER, "wamid.HBgLIN", "text", json!({"body": "hi"}))).await;
    service.message(PHONE, |message| message["body"] == "hi").await;
    let path = format!("/v1/message/false_{CUSTOMER}@c.us_wamid.HBgLIN/react");
    let mut reactions: Vec<Value> = Vec::new();
    for emoji in ["👍", "🎉"] {
        let caller = service.manager.with("x-phone", PHONE);
        let body = json!({"reaction": emoji}).to_string();
        reactions.push(caller.json("POST", &path, body).await.expect(200).json());
        service.message(PHONE, |message| message["reactions"][0]["emoji"] == emoji).await;
    }
    let status = json!({
        "id": "wamid.HBgL0001", "status": "sent", "timestamp": now(), "recipient_id": CUSTOMER,
        "biz_opaque_callback_data": reactions[0]["queue_id"],
    });
    service.webhook(&change(NUMBER, "statuses", status)).await;
    until("all is mapped", async || {
        let events = service.events().await;
        events.len() == 2 && events.iter().all(|event| event["state"] == "mapped")
    })
    .await;
    let shown = service.messages(PHONE).await;
    assert_eq!(shown[0]["reactions"][0]["emoji"], "🎉", "{shown:#?}");
}

#[tokio::test]
async fn line_stays_logged_out_while_the_api_does_not_answer() {
    let service = Service::start().await;
    let path = format!("/api/v1/connections/{}", service.id);
    let status = async || service.manager.get(&path).await.expect(200).json()["status"].clone();
    until("the line is connected", async || status().await == "connected").await;
    // Before: the line is asked again for the first sync.
    (0..5).for_each(|_| service.graph.fail(NUMBER, Failure::Garbage(503)));
    service.webhook(&removed(ACCOUNT)).await;
    until("the line is logged out", async || status().await == "logged_out").await;
    let asked = service.graph.calls(NUMBER).len();
    service.manager.json("POST", format!("{path}:sync"), "").await;
    until("the API is asked", async || service.graph.calls(NUMBER).len() > asked).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(status().await, "logged_out");
}
