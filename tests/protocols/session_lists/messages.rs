//! Lists of a chat's messages.

use serde_json::{Value, json};

use super::{chats_of, listed};
use crate::support::World;

#[tokio::test]
async fn messages_are_listed_newest_first_with_all_fields() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Alice").await);
    let session = &world.org.numbers[0];
    let event = |message: Value| json!({"session": session, "message": message});
    let mut events: Vec<Value> = (0..120)
        .map(|at| event(json!({"id": format!("M{at:03}"), "chat": chat.jid, "fromMe": false, "timestamp": 1000 * (at / 2)})))
        .collect();
    events.push(event(json!({
        "id": "3EB0297C336FD627EAF4447CFC1DEB49394D7874", "chat": chat.jid, "fromMe": true,
        "sender": "15550100400@c.us", "type": "image", "body": "look", "timestamp": 1_737_976_000_000_i64, "ack": "4",
        "updatedAt": 1_737_976_100_000_i64, "hasMedia": true, "media": {"url": "https://media.acme.example/1"},
        "mentionedIds": [chat.id], "quotedMessageId": "M001", "isDeleted": false,
        "deliveryInfo": {"delivered": {chat.id.as_str(): 1_737_976_082_277_i64}, "read": {}, "pending": []},
    })));
    world.import(&world.org, &events);
    let path = format!("{}/messages", chat.session_path);
    let page = listed(&rest, &path, "limit=1").await;
    let newest = &page["data"][0];
    let said = json!({
        "id": "3EB0297C336FD627EAF4447CFC1DEB49394D7874", "sessionId": world.org.sessions[0], "chatJid": chat.jid,
        "fromMe": true, "sender": "15550100400@s.whatsapp.net", "type": "image", "body": "look",
        "timestamp": 1_737_976_000_000_i64, "ack": "4", "updatedAt": 1_737_976_100_000_i64, "hasMedia": true,
        "media": {"url": "https://media.acme.example/1"}, "mentionedIds": [chat.jid], "quotedMessageId": "M001",
        "isDeleted": false, "reactions": [],
        "deliveryInfo": {
            "delivered": {chat.jid.as_str(): 1_737_976_082_277_i64}, "deliveredCount": 1, "pending": [], "read": {},
            "readCount": 0,
        },
    });
    let newest = newest.as_object().expect("an object");
    for (key, value) in newest {
        assert_eq!(value, said.get(key).unwrap_or(&Value::Null), "{key}");
    }
    assert_eq!(newest.len(), 50, "every key is always there");
    assert!(said.as_object().expect("an object").keys().all(|key| newest.contains_key(key)));

    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = listed(&rest, &path, &format!("limit=7&cursor={cursor}")).await;
        let data = page["data"].as_array().expect("data").iter();
        walked.extend(data.map(|message| message["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    let mut expected: Vec<String> = (0..120).rev().map(|at| format!("M{at:03}")).collect();
    expected.insert(0, "3EB0297C336FD627EAF4447CFC1DEB49394D7874".to_owned());
    assert_eq!(walked, expected);

    // A cursor is valid for every spelling of its chat, and for no other chat.
    let cursor = listed(&rest, &path, "limit=1").await["nextCursor"].as_str().expect("more").to_owned();
    let chats = chats_of(&world);
    listed(&rest, &format!("{chats}/{}/messages", chat.id), &format!("cursor={cursor}")).await;
    let bob = world.chat("Bob").await;
    let other = format!("{}/messages", bob.session_path);
    rest.get(format!("{other}?cursor={cursor}")).await.expect(422);
    assert_eq!(listed(&rest, &other, "").await, json!({"data": [], "nextCursor": null}));
}
