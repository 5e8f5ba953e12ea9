//! Messages of a chat: large pages, and the reactions to one message.

use serde_json::{Value, json};

use crate::support::{Chat, World};

const GROUP: &str = "120363040000000077@g.us";
const AUTHORS: [&str; 2] = ["15550107001@c.us", "15550107002@c.us"];
const AT: i64 = 1_737_976_000_000;

fn reaction(session: &str, author: &str, emoji: &str) -> Value {
    let message = json!({"id": "SAME", "chat": GROUP, "fromMe": false, "author": author});
    json!({"session": session, "reaction": {"message": message, "by": AUTHORS[0], "emoji": emoji, "at": AT + 1}})
}

/// A message of the group at [`AT`].
fn received(session: &str, id: &str, author: &str) -> Value {
    json!({"session": session, "message": {"id": id, "chat": GROUP, "fromMe": false, "sender": author,
        "author": author, "body": "hello", "timestamp": AT}})
}

#[tokio::test]
async fn reactions_are_those_of_one_message() {
    let world = World::start().await;
    let session = &world.org.numbers[0];
    let sent = |author: &str| received(session, "SAME", author);
    let link = json!({"session": session, "address": {"lid": "189412347001@lid", "jid": AUTHORS[0]}});
    world.import(&world.org, &AUTHORS.map(sent));
    world.import(&world.org, &[reaction(session, AUTHORS[0], "1"), reaction(session, AUTHORS[1], "2"), link]);
    let reactions = async |message: &str, status: u16| {
        let path = format!("/v1/chats/{GROUP}/messages/{message}/reactions");
        world.rest().get(path).await.expect(status).json()
    };
    for (author, emoji) in [(AUTHORS[0], "1"), (AUTHORS[1], "2"), ("189412347001@lid", "1")] {
        let found = reactions(&format!("false_{GROUP}_SAME_{author}"), 200).await;
        let found: Vec<&Value> = found["reactions"].as_array().expect("reactions").iter().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].to_string().contains(&format!("\"{emoji}\"")), "{author}: {found:?}");
    }
    for several in ["SAME".to_owned(), format!("false_{GROUP}_SAME")] {
        let refused = reactions(&several, 422).await;
        assert!(refused["fields"]["message_id"]["message"].is_string(), "{refused}");
    }
    let missing = reactions(&format!("true_{GROUP}_SAME"), 200).await;
    assert_eq!(missing["reactions"], json!([]));
}

#[tokio::test]
async fn messages_of_one_second_are_listed_once_in_order_of_arrival() {
    let world = World::start().await;
    let number = &world.org.numbers[0];
    let arrived = [
        ("SAME", AUTHORS[1]),
        ("Z1", AUTHORS[0]),
        ("SAME", AUTHORS[0]),
        ("B1", AUTHORS[1]),
        ("A1", AUTHORS[0]),
    ];
    for (id, author) in arrived {
        world.import(&world.org, &[received(number, id, author)]);
    }
    let expected: Vec<String> =
        arrived.iter().rev().map(|(id, author)| format!("false_{GROUP}_{id}_{author}")).collect();
    for list in [format!("/v1/chats/{GROUP}/messages"), "/v1/chats/messages".to_owned()] {
        for limit in 1..=3 {
            let mut listed = Vec::new();
            while listed.len() < expected.len() {
                let path = format!("{list}?limit={limit}&offset={}", listed.len());
                let page = world.rest().get(path).await.expect(200).json();
                let messages = page["messages"].as_array().expect("messages");
                assert!(!messages.is_empty(), "{page}");
                let ids =
                    messages.iter().map(|message| message["message_id"].as_str().expect("an id").to_owned());
                listed.extend(ids);
            }
            assert_eq!(listed, expected, "{list} by {limit}");
        }
    }
    let chat = world.rest().get(format!("/v1/chats/{GROUP}")).await.expect(200).json();
    assert_eq!(chat["latest_message"]["message_id"], expected[0]);
    let path = format!("/api/v1/sessions/{}/chats/{GROUP}/messages", world.org.sessions[0]);
    let page = world.rest().get(path).await.expect(200).json();
    let ids: Vec<&str> = page["data"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|one| one["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, ["A1", "B1", "SAME", "Z1", "SAME"]);
}

/// Walks through the messages of a chat. Returns their bodies' first letters, and the length of each page.
async fn walk(world: &World, chat: &Chat) -> (Vec<String>, Vec<usize>) {
    let (mut letters, mut pages, mut offset) = (Vec::new(), Vec::new(), 0);
    loop {
        let path = format!("/v1/chats/{}/messages?limit=100&offset={offset}", chat.id);
        let page = world.rest().get(path).await.expect(200).json();
        let messages = page["messages"].as_array().expect("messages");
        assert_eq!(page["count"], 60, "the whole list is counted");
        if messages.is_empty() {
            return (letters, pages);
        }
        letters.extend(messages.iter().map(|one| one["unique_id"].as_str().expect("an id").to_owned()));
        pages.push(messages.len());
        offset = page["to"].as_i64().expect("a position");
    }
}

#[tokio::test]
async fn page_of_large_messages_ends_early_and_says_so() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let large = (0..60).map(|number| {
        json!({"session": world.org.numbers[0], "message": {"id": format!("L{number:02}"), "chat": chat.jid,
            "fromMe": number % 2 == 0, "type": "chat", "body": "x".repeat(60_000),
            "timestamp": 1_900_000_000_000_i64 + number * 1000}})
    });
    world.import(&world.org, &large.collect::<Vec<_>>());
    let (ids, pages) = walk(&world, &chat).await;
    let expected: Vec<String> = (0..60).rev().map(|number| format!("L{number:02}")).collect();
    assert_eq!(ids, expected);
    assert!(pages.len() == 2 && (30..=34).contains(&pages[0]), "2 MiB a page: {pages:?}");
}
