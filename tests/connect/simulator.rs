//! A conversation with a simulated line, end to end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{World, until};

#[tokio::test]
async fn simulated_person_reads_and_answers() {
    let world = World::start_with("127.0.0.1:0", &["--allow-simulator"]).await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let connection = json!({"kind": "simulator", "sessionId": world.org.sessions[1], "account": "10"});
    manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
    let path = format!("/api/v1/sessions/{}", world.org.sessions[1]);
    let body = json!({"jid": "15550107777@s.whatsapp.net", "text": "See you at three"});
    let sent = manager.json("POST", format!("{path}/messages"), body.to_string()).await.expect(202).json();
    let messages = async || {
        let page = manager.get(format!("{path}/chats/15550107777@s.whatsapp.net/messages")).await;
        page.expect(200).json()["data"].as_array().expect("messages").clone()
    };
    until("the person has answered", async || messages().await.len() > 1).await;
    let answer = messages().await.into_iter().find(|message| message["fromMe"] == false).expect("an answer");
    assert!(answer["body"].as_str().is_some_and(|text| text.contains("See you at three")), "{answer}");
    let own = messages().await.into_iter().find(|message| message["id"] == sent["id"]).unwrap_or(Value::Null);
    assert_eq!(own["ack"], "4");
    let chat = manager.get(format!("{path}/chats/15550107777@s.whatsapp.net")).await.expect(200).json();
    assert_eq!(chat["unreadCount"], 1);
    // What it cannot do is rejected before it is stored.
    let template =
        json!({"jid": "15550107777@s.whatsapp.net", "template": {"name": "offer", "language": "en"}});
    let rejected = manager.json("POST", format!("{path}/messages"), template.to_string()).await.expect(422);
    assert!(rejected.json()["error"]["details"]["type"].is_string(), "{}", rejected.text());
}

#[tokio::test]
async fn simulated_group_answers_by_one_of_its_members() {
    let world = World::start_with("127.0.0.1:0", &["--allow-simulator"]).await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let (session, number) = (&world.org.sessions[1], &world.org.numbers[1]);
    let connection = json!({"kind": "simulator", "sessionId": session, "account": "20"});
    manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
    let group = "120363300000000042@g.us";
    let people = [("15550104001@c.us", "Ana Alves"), ("15550104002@c.us", "Bruno Brito")];
    let members: Vec<_> = people.iter().map(|(id, _)| json!({"id": id})).collect();
    let mut events: Vec<_> = people
        .iter()
        .map(|(id, name)| json!({"session": number, "contact": {"id": id, "name": name}}))
        .collect();
    let members = [members, vec![json!({"id": format!("{number}@c.us")})]].concat();
    events.push(json!({"session": number, "chat": {"jid": group, "type": "group", "name": "Team", "members": members}}));
    world.import(&world.org, &events);
    let path = format!("/api/v1/sessions/{session}");
    let messages = async || {
        let page = manager.get(format!("{path}/chats/{group}/messages")).await;
        page.expect(200).json()["data"].as_array().expect("messages").clone()
    };
    let mut authors = Vec::new();
    for round in 1..=3 {
        let body = json!({"jid": group, "text": format!("Round {round}")}).to_string();
        manager.json("POST", format!("{path}/messages"), body).await.expect(202);
        let is_answer = |message: &Value| {
            let text = message["body"].as_str().unwrap_or_default();
            message["fromMe"] == false && text.contains(&format!("Round {round}"))
        };
        let answer = async || messages().await.into_iter().find(is_answer);
        until("the group has answered", async || answer().await.is_some()).await;
        let answer = answer().await.expect("an answer");
        authors.push(answer["author"].as_str().expect("an author").replace("@s.whatsapp.net", "@c.us"));
    }
    assert!(authors.iter().all(|author| people.iter().any(|(id, _)| id == author)), "{authors:?}");
    // Nobody joined.
    let chat = world.rest().get(format!("/v1/chats/{group}")).await.expect(200).json();
    assert_eq!(chat["members"].as_object().map(serde_json::Map::len), Some(3), "{chat}");
}

#[tokio::test]
async fn send_is_attempted_at_once() {
    let world = World::start_with("127.0.0.1:0", &["--allow-simulator"]).await;
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    let connection = json!({"kind": "simulator", "sessionId": world.org.sessions[1]});
    manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
    let path = format!("/api/v1/sessions/{}/messages", world.org.sessions[1]);
    let (mut delays, mut sql) = (Vec::new(), world.sql());
    for number in 0..9 {
        let body =
            json!({"jid": "15550107777@s.whatsapp.net", "text": format!("Hello {number}")}).to_string();
        let begun = Instant::now();
        let sent = manager.json("POST", &path, body).await.expect(202).json();
        let queue_id = sent["send"]["queueId"].as_str().expect("an id").to_owned();
        let accepted = format!("sends WHERE state = 'accepted' AND send_id = '{queue_id}'");
        while sql.count(&accepted) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{queue_id} is not accepted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        delays.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(370)).await;
    }
    delays.sort_unstable();
    println!("from the request to accepted: median {:?}, longest {:?}", delays[4], delays[8]);
    assert!(delays[4] < Duration::from_millis(300), "{delays:?}");
}
