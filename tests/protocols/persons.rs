//! After a LID and a phone number are merged, every route finds the chat by either.

use serde_json::{Value, json};

use super::samples::{Ids, SAMPLE_MESSAGE, request, rest, wire};
use crate::support::{Chat, Protocol, World, methods, own_message};

const LID: &str = "189412345678@lid";

fn message(world: &World, chat: &str, id: &str, second: i64) -> Value {
    json!({"session": world.org.numbers[0], "message": {"id": id, "chat": chat, "fromMe": false, "body": "hello",
        "timestamp": 1_737_976_000_000_i64 + second * 1000}})
}

/// The chat with the person, addressed by LID.
fn by_lid(world: &World, chat: &Chat) -> Chat {
    let session_path = format!("/api/v1/sessions/{}/chats/{LID}", world.org.sessions[0]);
    let path = format!("/v1/chats/{LID}");
    Chat { id: LID.to_owned(), jid: LID.to_owned(), path, session_path, ..chat.clone() }
}

async fn listed(world: &World, chat: &Chat, query: &str) -> Value {
    world.rest().get(format!("{}/messages?{query}", chat.session_path)).await.expect(200).json()
}

#[tokio::test]
async fn every_route_finds_the_chat_by_lid_and_phone_number() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let hidden = by_lid(&world, &chat);
    world.import(
        &world.org,
        &[
            message(&world, LID, "A", 1),
            message(&world, &chat.jid, "B", 2),
            message(&world, LID, "C", 3),
            message(&world, LID, "D", 4),
        ],
    );
    world.rest().patch(&hidden.path, json!({"labels": "vip"})).await.expect(200);
    let first_page = listed(&world, &hidden, "limit=1").await;
    let tie = json!({"session": world.org.numbers[0], "address": {"lid": LID, "jid": chat.jid}});
    world.import(&world.org, &[tie]);

    // A cursor from before the merge stays valid.
    let cursor = first_page["nextCursor"].as_str().expect("more");
    let rest_of_it = listed(&world, &hidden, &format!("cursor={cursor}")).await;
    let ids: Vec<&Value> =
        rest_of_it["data"].as_array().expect("messages").iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, ["C", "B", "A"], "{rest_of_it}");

    let own = own_message(&world.org.id, &world.org.sessions[0], &chat.id, SAMPLE_MESSAGE);
    world.sql().run_as(&world.org.id, &own);
    let (by_phone, by_lid) = (Ids::of(&world.org, chat.clone()), Ids::of(&world.org, hidden.clone()));
    let key = world.key("read").await;
    let mut compared = 0;
    for method in methods().iter().filter(|method| method.capability == "read" && !method.streams()) {
        let (one, other) = (request(method, &by_phone), request(method, &by_lid));
        if one == other {
            continue;
        }
        compared += 1;
        for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
            let call = async |request: &Value| {
                let answer =
                    world.anonymous_rpc(protocol).token(&key).call(&method.path, wire(method, request)).await;
                (answer.code, answer.messages)
            };
            let answer = call(&one).await;
            assert_eq!(answer.0, Some(0), "{} takes {one}", method.path);
            assert_eq!(call(&other).await, answer, "{}", method.path);
        }
        for binding in &method.bindings {
            let call = async |request: &Value| {
                let (target, _) = rest(binding, request);
                world.anonymous().token(&key).get(target).await.expect(200).json()
            };
            assert_eq!(call(&other).await, call(&one).await, "{}", binding.template);
        }
    }
    assert!(compared > 0, "no RPC reads a chat");
    let shown = world.rest().get(&hidden).await.expect(200).json();
    assert_eq!((&shown["chat_id"], &shown["message_unread_count"]), (&json!(chat.id), &json!(4)), "{shown}");

    // A change by one address is visible by the other.
    world.rest().patch(&hidden.session_path, json!({"archived": true})).await.expect(200);
    assert_eq!(world.rest().get(&chat.session_path).await.expect(200).json()["archived"], true);
    world.rest().delete(&hidden.session_path).await.expect(204);
    world.rest().get(&chat.path).await.expect(404);
}
