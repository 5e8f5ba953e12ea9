//! What watches receive of sends.

use switchboard::pb::WatchChatsRequest;
use switchboard::pb::commands_request::outcome::Result as Reported;

use super::{connector, send, world};
use crate::watch::{next, next_change};

#[tokio::test]
async fn message_whose_id_changes_is_created_once() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let request = WatchChatsRequest { actions: vec!["message.*".to_owned()], ..Default::default() };
    let mut begun = world.grpc_chat().watch_chats(request.clone()).await.expect("a watch").into_inner();
    let resume_token = next(&mut begun).await.resume_token;
    let mut connector = connector(&world, &key).await;
    let sent = send(&world, &chat, "See you at three").await;
    let command = connector.next().await;
    let created = next_change(&mut begun).await.message.expect("a message");
    assert_eq!(created.unique_id, sent["unique_id"].as_str().expect("an id"));
    connector.report(&command, Reported::Accepted("GATEWAY1".to_owned())).await;

    let renamed = next_change(&mut begun).await;
    let message = renamed.message.expect("a message");
    assert_eq!((renamed.r#type.as_str(), message.unique_id.as_str()), ("message.updated", "GATEWAY1"));
    assert_eq!(message.sent_message_id, Some(created.unique_id));
    let accepted = next_change(&mut begun).await;
    assert_eq!((accepted.r#type.as_str(), accepted.changes.len()), ("message.updated", 1));
    assert_eq!(accepted.changes[0].field, "latest_message.ack");

    // The event of the first id carries the message, too.
    let request = WatchChatsRequest { resume_token, ..request };
    let mut again = world.grpc_chat().watch_chats(request).await.expect("a watch").into_inner();
    for expected in ["message.created", "message.updated", "message.updated"] {
        let change = next_change(&mut again).await;
        let message = change.message.expect("a message");
        assert_eq!((change.r#type.as_str(), message.unique_id.as_str()), (expected, "GATEWAY1"));
    }
}
