//! Reactions, edits and deletions.

use serde_json::json;
use switchboard::pb::commands_request::outcome::Result as Reported;
use switchboard::pb::send_command::Content;

use super::{becomes, connector, message, messages, send, world};

#[tokio::test]
async fn reaction_edit_and_deletion_take_effect_once_they_are_sent() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "See you at three").await;
    let queue_id = sent["queue_id"].as_str().expect("an id").to_owned();
    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    connector.report(&command, Reported::Accepted(String::new())).await;
    becomes(&world, &sent["queue_id"], "accepted").await;

    let act = async |act: &str, body: serde_json::Value| {
        let path = format!("/v1/message/{queue_id}/{act}");
        let body = if act == "delete" { String::new() } else { body.to_string() };
        world.rest().json("POST", path, body).await.expect(200).json()
    };
    act("react", json!({"reaction": "👍"})).await;
    let command = connector.next().await;
    assert!(
        matches!(&command.content, Some(Content::Reaction(reaction)) if reaction.emoji == "👍"),
        "{command:?}"
    );
    assert_eq!(message(&world, &sent["queue_id"]).await["reactions"], json!([]));
    connector.report(&command, Reported::Accepted(String::new())).await;
    act("edit", json!({"edited_body": "See you at four"})).await;
    let command = connector.next().await;
    assert_eq!(message(&world, &sent["queue_id"]).await["reactions"][0]["emoji"], "👍");
    assert!(
        matches!(&command.content, Some(Content::Edit(edit)) if edit.body == "See you at four"),
        "{command:?}"
    );
    connector.report(&command, Reported::Accepted(String::new())).await;
    act("delete", json!({})).await;
    let command = connector.next().await;
    let shown = message(&world, &sent["queue_id"]).await;
    assert_eq!(
        (&shown["body"], &shown["prev_body"]),
        (&json!("See you at four"), &json!("See you at three"))
    );
    connector.report(&command, Reported::Accepted(String::new())).await;
    crate::support::until("the message is deleted", async || {
        messages(&world, &chat).await[0]["is_deleted"] == true
    })
    .await;
}

#[tokio::test]
async fn only_own_messages_are_edited_and_deleted() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let incoming = json!({"id": "IN1", "chat": chat.jid, "fromMe": false, "timestamp": 1_767_225_600_000_i64, "body": "Hi"});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": incoming})]);
    let id = format!("false_{}_IN1", chat.id);
    let act = async |act: &str, body: serde_json::Value| {
        let body = if act == "delete" { String::new() } else { body.to_string() };
        world.rest().json("POST", format!("/v1/message/{id}/{act}"), body).await
    };
    act("react", json!({"reaction": "👍"})).await.expect(200);
    act("edit", json!({"edited_body": "Ho"})).await.expect(422);
    act("delete", json!({})).await.expect(422);
}
