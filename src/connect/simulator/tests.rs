//! The simulator by itself.

use uuid::Uuid;

use super::*;
use crate::config::Secret;
use crate::pb::ingest_event::Event;

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

/// Groups of these members.
struct Members(&'static [&'static str]);

#[async_trait]
impl Groups for Members {
    async fn members(&self, _: &ChatAddress) -> Vec<String> {
        self.0.iter().map(|&member| member.to_owned()).collect()
    }
}

const NOBODY: Members = Members(&[]);

fn message(text: &str) -> OutgoingMessage {
    message_to("15550101844@c.us", text)
}

fn message_to(chat: &str, text: &str) -> OutgoingMessage {
    let content = Content::Text { body: text.to_owned(), link_preview: true, mentions: Vec::new() };
    let chat = chat.parse().unwrap();
    OutgoingMessage {
        send: Uuid::now_v7(),
        message_id: Some("3EB0".to_owned()),
        chat,
        reply_to: None,
        content,
    }
}

/// The next events of the simulator.
async fn happened(simulator: &dyn Gateway, groups: &Members, count: usize) -> Vec<IngestEvent> {
    let mut happened = Vec::new();
    while happened.len() < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
        for raw in simulator.poll(groups).await {
            happened.extend(simulator.map(&raw.body).unwrap().events);
        }
    }
    happened
}

#[tokio::test]
async fn in_a_group_one_of_its_members_reads_and_answers() {
    let simulator = open(&settings("20"));
    let members = Members(&["15550100400@c.us", "15550104001@c.us", "15550104002@c.us"]);
    let sent = message_to("120363300000000042@g.us", "See you at three");
    simulator.send(&sent, None).await.unwrap();
    let happened = happened(simulator.as_ref(), &members, 3).await;
    let actors = happened.iter().map(|event| {
        if let Some(Event::Receipt(receipt)) = &event.event {
            return receipt.by.clone();
        }
        let Some(Event::Message(message)) = &event.event else { panic!("{event:?}") };
        message.author.clone().unwrap_or_default()
    });
    let actors: Vec<_> = actors.collect();
    assert_eq!(actors, vec![actors[0].clone(); 3]);
    // Not the line itself.
    assert!(actors[0] == "15550104001@c.us" || actors[0] == "15550104002@c.us", "{actors:?}");
}

#[tokio::test]
async fn message_is_delivered_read_and_answered() {
    let simulator = open(&settings("20"));
    assert_eq!(simulator.send(&message("See you at three"), None).await.unwrap().message_id, "3EB0");
    let happened = happened(simulator.as_ref(), &NOBODY, 3).await;
    let kinds: Vec<_> = happened.iter().map(|event| event.event.as_ref().unwrap().kind()).collect();
    assert_eq!(kinds, ["receipt", "receipt", "message"]);
    let Some(Event::Message(answer)) = &happened[2].event else { panic!("no message") };
    assert!(answer.body.as_ref().unwrap().contains("See you at three"), "{answer:?}");
    assert!(!answer.from_me);
}

#[tokio::test]
async fn a_person_writes_by_itself_now_and_then() {
    let simulator = open(&settings("450"));
    assert!(simulator.poll(&NOBODY).await.is_empty());
    tokio::time::sleep(Duration::from_millis(110)).await;
    let raw = simulator.poll(&NOBODY).await;
    let events = simulator.map(&raw[0].body).unwrap().events;
    assert!(
        matches!(events[0].event, Some(Event::Contact(_)))
            && matches!(events[1].event, Some(Event::Message(_)))
    );
    assert!(simulator.poll(&NOBODY).await.is_empty());
}
