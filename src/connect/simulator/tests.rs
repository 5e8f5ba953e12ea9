//! The simulator by itself.

use uuid::Uuid;

use super::*;
use crate::config::Secret;

fn settings(speed: &str) -> ConnectionSettings {
    let nothing = || Secret::new("");
    ConnectionSettings {
        url: String::new(),
        account: speed.to_owned(),
        phone: "15550100400".parse().unwrap(),
        api_key: nothing(),
        webhook_secret: nothing(),
        verify_token: nothing(),
        business_account: String::new(),
    }
}

fn message(text: &str) -> OutgoingMessage {
    let content = Content::Text { body: text.to_owned(), link_preview: true, mentions: Vec::new() };
    let chat = "15550101844@c.us".parse().unwrap();
    OutgoingMessage {
        send: Uuid::now_v7(),
        message_id: Some("3EB0".to_owned()),
        chat,
        reply_to: None,
        content,
    }
}

#[tokio::test]
async fn message_is_delivered_read_and_answered() {
    let simulator = open(&settings("20"));
    assert_eq!(simulator.send(&message("See you at three"), None).await.unwrap().message_id, "3EB0");
    let mut happened = Vec::new();
    while happened.len() < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        for raw in simulator.poll().await {
            happened.extend(simulator.map(&raw.body).unwrap().events);
        }
    }
    let kinds: Vec<_> = happened.iter().map(|event| event.event.as_ref().unwrap().kind()).collect();
    assert_eq!(kinds, ["receipt", "receipt", "message"]);
    let Some(Event::Message(answer)) = &happened[2].event else { panic!("no message") };
    assert!(answer.body.as_ref().unwrap().contains("See you at three"), "{answer:?}");
    assert!(!answer.from_me);
}

#[tokio::test]
async fn a_person_writes_by_itself_now_and_then() {
    let simulator = open(&settings("450"));
    assert!(simulator.poll().await.is_empty());
    tokio::time::sleep(Duration::from_millis(110)).await;
    let raw = simulator.poll().await;
    let events = simulator.map(&raw[0].body).unwrap().events;
    assert!(
        matches!(events[0].event, Some(Event::Contact(_)))
            && matches!(events[1].event, Some(Event::Message(_)))
    );
    assert!(simulator.poll().await.is_empty());
}
