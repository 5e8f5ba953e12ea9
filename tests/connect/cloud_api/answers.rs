//! Answers to a customer: accepted, delivered, failed, and never sent twice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::graph::{Failure, NUMBER};
use super::service::{CUSTOMER, PHONE, Service, TIMEOUT, change, incoming, now};
use crate::support::until;

impl Service {
    /// Receives a message of the customer.
    async fn hello(&self) {
        assert_eq!(self.webhook(&incoming(NUMBER, "wamid.HBgLT0", "text", json!({"body": "hi"}))).await, 200);
        self.message(PHONE, |message| message["body"] == "hi").await;
    }

    /// Sends a message to the customer. Returns the id in the queue.
    async fn send(&self, content: Value) -> String {
        let mut body = json!({"chat_id": format!("{CUSTOMER}@c.us")});
        body.as_object_mut().expect("an object").extend(content.as_object().cloned().expect("an object"));
        let sender = self.manager.with("x-phone", PHONE);
        let sent = sender.json("POST", "/v1/message/send", body.to_string()).await.expect(200).json();
        sent["queue_id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a sent message has that state.
    async fn becomes(&self, queue_id: &str, state: &str) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let message = self.manager.get(format!("/v1/message/{queue_id}")).await.expect(200).json();
            if message["send"]["state"] == state {
                return message;
            }
            assert!(Instant::now() < deadline, "it is not {state}: {message:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the API has received that many messages.
    async fn sent(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + TIMEOUT;
        while self.graph.calls("/messages").len() < count {
            assert!(Instant::now() < deadline, "{:#?}", self.graph.calls("/messages"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.graph.calls("/messages").into_iter().map(|call| call.json).collect()
    }
}

fn status(id: &str, status: &str, more: &Value) -> Value {
    let mut item = json!({"id": id, "status": status, "timestamp": now(), "recipient_id": CUSTOMER});
    item.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    change(NUMBER, "statuses", item)
}

#[tokio::test]
async fn sent_message_fails_after_it_was_sent() {
    let service = Service::start().await;
    service.hello().await;
    let queue_id = service.send(json!({"message": "hello"})).await;
    let accepted = service.becomes(&queue_id, "accepted").await;
    let sent = service.sent(1).await;
    assert_eq!((&sent[0]["to"], &sent[0]["text"]["body"]), (&json!(CUSTOMER), &json!("hello")));
    assert_eq!(sent[0]["biz_opaque_callback_data"], queue_id);
    let id = "wamid.HBgL0001";
    assert_eq!(accepted["unique_id"], id);
    assert_eq!(
        service.webhook(&status(id, "sent", &json!({"biz_opaque_callback_data": queue_id}))).await,
        200
    );
    service.message(PHONE, |message| message["body"] == "hello" && message["ack"] == "2").await;
    let errors = json!({"errors": [{"code": 131_026, "title": "Message undeliverable"}]});
    assert_eq!(service.webhook(&status(id, "failed", &errors)).await, 200);
    let failed = service.becomes(&queue_id, "failed").await;
    assert_eq!(
        (&failed["ack"], &failed["failure_reason"]),
        (&json!("-1"), &json!("131026 Message undeliverable"))
    );
    assert_eq!(service.messages(PHONE).await.len(), 2);
}

#[tokio::test]
async fn message_outside_of_the_window_fails_with_the_reason() {
    let service = Service::start().await;
    service.hello().await;
    service.graph.fail("/messages", Failure::Error(400, 131_047, "(#131047) Re-engagement message", None));
    let queue_id = service.send(json!({"message": "hello"})).await;
    let failed = service.becomes(&queue_id, "failed").await;
    let reason = failed["failure_reason"].as_str().expect("a reason");
    assert!(reason.starts_with("131047") && reason.contains("24 hours"), "{reason}");
    let template = json!({"name": "hello", "language": "en_US"});
    let queue_id = service.send(json!({"template": template})).await;
    service.becomes(&queue_id, "accepted").await;
    let sent = service.sent(2).await;
    assert_eq!(sent[1]["template"], json!({"name": "hello", "language": {"code": "en_US"}}));
    let poll = json!({"chat_id": CUSTOMER, "poll": {"poll_name": "?", "poll_options": ["a", "b"]}});
    let refused =
        service.manager.with("x-phone", PHONE).json("POST", "/v1/message/send", poll.to_string()).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
}

#[tokio::test]
async fn lost_response_is_found_by_a_status_and_not_repeated() {
    let service = Service::start().await;
    service.hello().await;
    service.graph.fail("/messages", Failure::LostResponse);
    let queue_id = service.send(json!({"message": "once"})).await;
    service.becomes(&queue_id, "unknown").await;
    let id = "wamid.HBgL0001";
    let delivered = status(id, "delivered", &json!({"biz_opaque_callback_data": queue_id}));
    assert_eq!(service.webhook(&delivered).await, 200);
    let message = service.becomes(&queue_id, "delivered").await;
    assert_eq!((&message["unique_id"], &message["ack"]), (&json!(id), &json!("3")));
    assert_eq!((service.messages(PHONE).await.len(), service.sent(1).await.len()), (2, 1));
}

#[tokio::test]
async fn failed_status_without_a_recipient_reaches_its_send() {
    let service = Service::start().await;
    let mut hello = incoming(NUMBER, "wamid.HBgLT6", "text", json!({"body": "hi"}));
    let value = &mut hello["entry"][0]["changes"][0]["value"];
    value["contacts"] = json!([{"profile": {"name": "Ravi"}, "user_id": "US.1349"}]);
    value["messages"][0]["from_user_id"] = "US.1349".into();
    value["messages"][0].as_object_mut().expect("an object").remove("from");
    assert_eq!(service.webhook(&hello).await, 200);
    until("there is a chat", async || service.manager.get("/v1/chats/US.1349@bsuid").await.status == 200)
        .await;
    let queue_id = service.send(json!({"chat_id": "US.1349@bsuid", "message": "hello"})).await;
    service.becomes(&queue_id, "accepted").await;
    let errors = json!([{"code": 131_026, "title": "Message undeliverable"}]);
    let failed = json!({"id": "wamid.HBgL0001", "status": "failed", "timestamp": now(), "errors": errors,
        "biz_opaque_callback_data": queue_id});
    let mut webhook = change(NUMBER, "statuses", failed);
    let value = webhook["entry"][0]["changes"][0]["value"].as_object_mut().expect("an object");
    value.remove("contacts");
    assert_eq!(service.webhook(&webhook).await, 200);
    let failed = service.becomes(&queue_id, "failed").await;
    assert_eq!(failed["failure_reason"], "131026 Message undeliverable");
}
