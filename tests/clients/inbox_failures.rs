//! The inbox while calls fail, and while several things happen at once.

use serde_json::{Value, json};

use crate::support::{Chat, World};

use super::{must_be_ok, node};

#[tokio::test]
async fn the_inbox_loses_nothing_when_calls_fail() {
    let world = World::start_with("127.0.0.1:0", &["--allow-simulator"]).await;
    world.admin().run("DELETE FROM sends; DELETE FROM connections");
    let org = &world.org;
    let [asha, bela, chen] =
        [world.chat("Asha Rao").await, world.chat("Bela Kovacs").await, world.chat("Chen Wei").await];
    let define = |args: &[&str]| {
        world.cli(&[&["property", "create", "--org", org.id.as_str(), "--name"], args].concat())
    };
    define(&["since", "--kind", "date"]);
    define(&["needs", "--kind", "picklist", "--option", "red", "--option", "green", "--option", "blue"]);
    let mut messages = held_by_both_numbers(&world);
    let mut write = |chat: &Chat, from_me: bool, body: &str| {
        let minute = messages.len() as u64;
        let message = json!({
            "id": format!("M{minute}"), "chat": chat.jid, "fromMe": from_me, "type": "chat", "body": body,
            "timestamp": 1_767_225_600_000 + minute * 60_000,
        });
        messages.push(json!({"session": org.numbers[0], "message": message}));
    };
    write(&bela, false, "Do you deliver on Sundays?");
    write(&chen, true, "The parcel is on its way");
    for question in 0..120 {
        write(&asha, true, &format!("Old question {question}"));
    }
    for question in ["Is it there?", "Or tomorrow?", "And today?"] {
        write(&asha, false, question);
    }
    let failed = json!({
        "id": "F1", "chat": chen.jid, "fromMe": true, "type": "chat", "body": "The number was wrong", "ack": "-1",
        "timestamp": 1_767_225_600_000_u64, "deliveryInfo": {"failureReason": "131047 Re-engagement message"},
    });
    messages.push(json!({"session": org.numbers[0], "message": failed}));
    world.import(org, &messages);
    let mut client = node("web/inbox-failures.mjs");
    client.env("SERVICE", world.url()).env("TOKEN", world.key("read,send,manage").await);
    client.env("EMAIL", &org.members[0]).env("COLLEAGUE", &org.members[1]);
    must_be_ok(&client.output().expect("node: run make test"));
}

/// A chat that the first number has pinned, and the second one has a newer message of.
fn held_by_both_numbers(world: &World) -> Vec<Value> {
    let dora = world.missing_chat_of(&world.org);
    let [first, second] = &world.org.numbers;
    let event = |number: &str, name: &str, event: Value| json!({"session": number, name: event});
    let message = |id: &str, body: &str, at: u64| json!({"id": id, "chat": dora.jid, "fromMe": true, "type": "chat", "body": body, "timestamp": at});
    let chat =
        |is_pinned: bool| json!({"jid": dora.jid, "type": "dm", "name": "Dora Diaz", "pinned": is_pinned});
    vec![
        event(first, "contact", json!({"id": dora.id, "name": "Dora Diaz"})),
        event(first, "chat", chat(true)),
        event(second, "chat", chat(false)),
        event(first, "message", message("D1", "To the first number", 1_767_225_600_000)),
        event(second, "message", message("D2", "To the second number", 1_767_225_601_000)),
    ]
}
