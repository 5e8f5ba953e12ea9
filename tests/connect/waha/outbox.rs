//! What is sent and changed here reaches WAHA, once.

use std::time::{Duration, Instant};

use serde_json::json;

use super::ASHA;
use super::server::{Failure, PHONE, Waha, text};
use super::service::{SECRET, Service, TIMEOUT, is_id};

const BASE: i64 = 1_760_000_000;

async fn until(waha: &Waha, what: &str, condition: impl Fn(&Waha) -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition(waha) {
        assert!(Instant::now() < deadline, "{what}: {:#?}", waha.state().calls);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn sends_and_commands_reach_waha_once() {
    let waha = Waha::start().await;
    waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", BASE));
    let service = Service::start(waha).await;
    service.synced(TIMEOUT).await;
    let sender = service.manager.with("x-phone", PHONE);
    service.waha.fail("/api/sendText", Failure::Silence);
    let send = json!({ "chat_id": ASHA, "message": "hello" }).to_string();
    sender.json("POST", "/v1/message/send", send).await.expect(200);
    until(&service.waha, "sent", |waha| waha.calls("/api/sendText").len() >= 2).await;
    assert_eq!(service.waha.state().sent.len(), 1, "the answer was lost, so it is sent again under its id");
    let id = service.waha.state().sent[0].0.clone();
    let echo = service.waha.state().message(&id).expect("the message").clone();
    assert_eq!(service.webhook(SECRET, "evt_1", "message.any", echo).await, 200);
    let ack = json!({ "id": format!("true_{ASHA}_{id}"), "fromMe": true, "ack": 3 });
    assert_eq!(service.webhook(SECRET, "evt_2", "message.ack", ack).await, 200);
    service.message(ASHA, |message| is_id(&id)(message) && message["ack"] == "4").await;

    let archived = |waha: &Waha| waha.state().chats[ASHA]["archived"] == true;
    let path = format!("/api/v1/connections/{}", service.id);
    let session = service.manager.get(path).await.expect(200).json()["sessionId"].clone();
    let session = session.as_str().expect("a session");
    let chat = format!("/api/v1/sessions/{session}/chats/{ASHA}");
    service.manager.patch(chat, json!({ "archived": true })).await.expect(200);
    until(&service.waha, "archived", archived).await;
}
