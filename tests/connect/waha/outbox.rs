//! What is sent and changed here reaches WAHA, once.

use std::time::{Duration, Instant};

use serde_json::json;

use super::ASHA;
use super::server::{Failure, KEY, PHONE, Waha, text};
use super::service::{SECRET, Service, TIMEOUT, is_id};
use crate::connect::sends::MEDIA_DIR;
use crate::support::{World, in_time};

const BASE: i64 = 1_760_000_000;

async fn until(waha: &Waha, what: &str, condition: impl Fn(&Waha) -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition(waha) {
        assert!(Instant::now() < deadline, "{what}: {:#?}", waha.state().calls);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the syncs of the start have ended: they would find a message whose answer was lost.
async fn idle(waha: &Waha) {
    let waiting = async {
        loop {
            let calls = waha.state().calls.len();
            tokio::time::sleep(Duration::from_secs(3)).await;
            if waha.state().calls.len() == calls {
                return;
            }
        }
    };
    in_time("the syncs have ended", waiting).await;
}

#[tokio::test]
async fn sends_and_commands_reach_waha_once() {
    let waha = Waha::start().await;
    waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", BASE));
    let service = Service::start(waha).await;
    service.synced(TIMEOUT).await;
    idle(&service.waha).await;
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

#[tokio::test]
async fn file_that_was_sent_is_not_fetched_from_its_echo() {
    for engine in ["GOWS", "WEBJS"] {
        let waha = Waha::start().await;
        waha.state().engine = engine;
        waha.state().add(text(&format!("false_{ASHA}_3EB0A"), "hi", BASE));
        let flags = ["--connection-host", "127.0.0.1", "--media-dir", MEDIA_DIR];
        let service = Service::start_in(World::start_with("127.0.0.1:0", &flags).await, waha).await;
        service.synced(TIMEOUT).await;
        let media = json!({ "type": "document", "filedata": "JVBERi0xLjc=", "filename": "offer.pdf" });
        let send = json!({ "chat_id": ASHA, "media": media }).to_string();
        let sender = service.manager.with("x-phone", PHONE);
        let sent = sender.json("POST", "/v1/message/send", send).await.expect(200).json();
        let is_accepted = async || service.world.sql().count("sends WHERE state = 'accepted'") == 1;
        crate::support::until("it is accepted", is_accepted).await;
        let (id, request) = service.waha.state().sent[0].clone();
        assert_eq!(request["file"]["data"], "JVBERi0xLjc=");
        let mut echo = service.waha.state().message(&id).expect("the message").clone();
        echo["hasMedia"] = true.into();
        echo["media"] =
            json!({ "url": "http://localhost:3000/api/files/a.pdf", "mimetype": "application/pdf" });
        assert_eq!(service.webhook(SECRET, "evt_1", "message.any", echo).await, 200);
        let shown = service.message(ASHA, |message| is_id(&id)(message) && message["ack"] != "0").await;
        assert_eq!(
            (&shown["media"]["state"], &shown["sent_message_id"]),
            (&json!("stored"), &sent["unique_id"])
        );
        let file = sender.get(shown["media"]["path"].as_str().expect("a path")).await.expect(200);
        assert_eq!(file.text(), "%PDF-1.7", "{engine}");
        assert_eq!(service.waha.calls("/api/files").len(), 0, "{engine}");
    }
}

#[tokio::test]
async fn rejected_key_is_reported_and_what_waits_is_sent_when_it_works() {
    let waha = Waha::start().await;
    waha.state().key = "rotated".to_owned();
    let service = Service::start(waha).await;
    let path = format!("/api/v1/connections/{}", service.id);
    let connection = async || service.manager.get(&path).await.expect(200).json();
    let rejected = async || {
        connection().await["reason"].as_str().is_some_and(|text| text.contains("set a valid API key"))
    };
    crate::support::until("the key is rejected", rejected).await;
    let shown = connection().await;
    assert_eq!(shown["status"], "disconnected", "{shown}");
    let messages = format!("/api/v1/sessions/{}/messages", shown["sessionId"].as_str().expect("a session"));
    let body = json!({ "jid": ASHA, "text": "hello" }).to_string();
    service.manager.json("POST", messages, body).await.expect(202);
    crate::support::until("an attempt fails", async || {
        service.world.sql().count("sends WHERE attempts > 0") == 1
    })
    .await;
    let test = async || service.manager.json("POST", format!("{path}:test"), "{}").await.expect(200).json();
    assert_eq!(test().await["reachable"], false);
    // The gateway is not asked again for a minute, unless a test succeeds.
    service.waha.state().key = KEY.to_owned();
    let begun = Instant::now();
    assert_eq!(test().await["reachable"], true);
    until(&service.waha, "sent", |waha| !waha.state().sent.is_empty()).await;
    crate::support::until("connected", async || connection().await["status"] == "connected").await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
