//! A chat that a caller deleted comes back with a newer message or a chat event, and with nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::World;

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("a number")
}

#[tokio::test]
async fn deleted_chat_returns_with_a_newer_message_only() {
    let world = World::start().await;
    let rest = world.rest();
    let chat = world.chat("Asha").await;
    let session = &world.org.numbers[0];
    let event = |event: Value| {
        let mut event = event;
        event["session"] = json!(session);
        event
    };
    let message = |id: &str, at: u64| {
        event(json!({"message": {"id": id, "chat": chat.jid, "fromMe": false, "timestamp": at, "body": id}}))
    };
    let reference = json!({"id": "OLD", "chat": chat.jid});
    let receipt = json!({"message": reference, "by": chat.jid, "kind": "read", "at": now()});
    let old = [
        message("OLD", now() - 60_000),
        event(json!({ "receipt": receipt })),
        event(json!({"deleteMessage": {"message": reference}})),
        event(json!({"read": {"chat": chat.jid, "upTo": now()}})),
    ];
    world.import(&world.org, &old);
    rest.delete(&chat.session_path).await.expect(204);
    world.import(&world.org, &old);
    rest.get(&chat.session_path).await.expect(404);
    rest.get(&chat).await.expect(404);

    let messages = format!("{}/messages", chat.session_path);
    world.import(&world.org, &[message("NEW", now() + 2000)]);
    let ids = |answer: &Value| {
        answer["data"].as_array().expect("messages").iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&rest.get(&messages).await.expect(200).json()), ["NEW"]);
    // An older message stays deleted although the chat is back.
    world.import(&world.org, &old);
    assert_eq!(ids(&rest.get(&messages).await.expect(200).json()), ["NEW"]);

    rest.delete(&chat.session_path).await.expect(204);
    world.import(&world.org, &[event(json!({"chat": {"jid": chat.jid, "pinned": true}}))]);
    let answer = rest.get(&chat.session_path).await.expect(200).json();
    assert_eq!((&answer["pinned"], &answer["lastMessageAt"]), (&json!(true), &Value::Null));

    // The same in one batch.
    rest.delete(&chat.session_path).await.expect(204);
    let back = event(json!({"chat": {"jid": chat.jid, "pinned": true}}));
    world.import(&world.org, &[message("OLD", now() - 60_000), back]);
    let answer = rest.get(&chat.session_path).await.expect(200).json();
    assert_eq!((&answer["pinned"], &answer["lastMessageAt"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn deleted_chat_of_a_lid_stays_deleted_under_the_phone_number() {
    let world = World::start().await;
    let rest = world.rest();
    let chat = world.chat("Asha").await;
    let session = &world.org.numbers[0];
    let lid = "189412345999@lid";
    let message = |chat: &str| json!({"session": session, "message": {"id": "OLD", "chat": chat, "fromMe": false, "timestamp": now() - 60_000}});
    world.import(&world.org, &[message(lid)]);
    let path = chat.session_path.replace(&chat.jid, lid);
    rest.delete(&path).await.expect(204);
    rest.delete(&chat.session_path).await.expect(204);
    let link = json!({"session": session, "address": {"lid": lid, "jid": chat.jid}});
    world.import(&world.org, &[link, message(lid), message(&chat.jid)]);
    rest.get(&chat.session_path).await.expect(404);
}
