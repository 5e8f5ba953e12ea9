//! A repeated idempotency key returns the first response only while the caller may see the chat.

use serde_json::json;

use super::{MEMBER, NOT_FOUND, Team, names_a_chat};
use crate::protocols::foreign_ids::fresh_ids;
use crate::protocols::samples::{request, wire};
use crate::support::{Chat, Method, Protocol, Rest, methods};

const KEY: &str = "idempotency-key";

impl Team {
    fn keyed(&self, key: &str) -> Rest {
        self.member().with(KEY, key)
    }
}

#[tokio::test]
async fn replay_is_404_once_the_chat_is_hidden() {
    let team = Team::start().await;
    let mut replayed = Vec::new();
    let methods = methods();
    for (number, method) in methods.iter().enumerate().filter(|(_, method)| method.capability == "send") {
        let ids = fresh_ids(&team.world, number).await;
        if !names_a_chat(method, &ids) {
            continue;
        }
        let key = format!("hidden-{number}");
        let body = wire(method, &request(method, &ids));
        let call = async || {
            let caller = team.world.anonymous_rpc(Protocol::Grpc).token(&team.token).with(KEY, &key);
            let answer = caller.call(&method.path, body.clone()).await;
            let is_replayed = answer.headers.get("idempotency-replayed").is_some();
            (answer.code, is_replayed)
        };
        // A member may not change everything, such as another one's note.
        if call().await != (Some(0), false) {
            continue;
        }
        if deletes_its_chat(method) {
            assert_eq!(call().await, (Some(0), true), "{}", method.path);
            continue;
        }
        team.set(&ids.chat, json!({MEMBER: false})).await;
        assert_eq!(call().await, (Some(NOT_FOUND), false), "{}", method.path);
        team.set(&ids.chat, json!({MEMBER: true})).await;
        assert_eq!(call().await, (Some(0), true), "{}", method.path);
        replayed.push(&method.path);
    }
    assert!(replayed.len() >= 8, "{replayed:?}");
}

fn deletes_its_chat(method: &Method) -> bool {
    method.path.ends_with("/DeleteSessionChat")
}

#[tokio::test]
async fn replay_of_a_note_is_404_once_its_chat_is_hidden() {
    let team = Team::start().await;
    let chat = team.world.chat("Alice").await;
    let note = async || {
        let body = json!({"chat_id": chat.id, "message": "first"}).to_string();
        let note = team.member().json("POST", "/v1/note/create", body).await.expect(200).json();
        format!("/v1/note/{}", note["data"]["message_id"].as_str().expect("an id"))
    };
    let (changed, deleted) = (note().await, note().await);
    let patch =
        async || team.keyed("change").json("PATCH", &changed, r#"{"message": "second"}"#).await.status;
    let delete = async || team.keyed("delete").delete(&deleted).await.status;
    let (patched, gone) = (patch().await, delete().await);
    assert!(patched < 300 && gone < 300, "{patched} {gone}");
    assert_eq!([patch().await, delete().await], [patched, gone]);
    team.set(&chat, json!({MEMBER: false})).await;
    // A deleted note has no chat any more, and its response is empty.
    assert_eq!([patch().await, delete().await], [404, gone]);
}

#[tokio::test]
async fn replay_leaves_out_common_chats_that_are_hidden_since() {
    let team = Team::start().await;
    let chat = team.world.chat("Alice").await;
    let group = Chat { id: "120363300000000001@g.us".to_owned(), ..chat.clone() };
    let made = json!({"session": team.world.org.numbers[0], "chat": {"jid": group.id, "type": "group", "name": "Team",
        "members": [{"id": chat.id}]}});
    team.world.import(&team.world.org, &[made]);
    let common = async || {
        let answer = team.keyed("label").json("PATCH", &chat, r#"{"labels": "vip"}"#).await.expect(200);
        answer.json()["common_chats"].to_string().contains(&group.id)
    };
    assert_eq!([common().await, common().await], [true, true]);
    team.set(&group, json!({MEMBER: false})).await;
    assert!(!common().await);
}
