//! Filters of watches, including the change by which a chat stops matching.

use serde_json::{Value, json};
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::Streaming;

use super::{archive, next_change, watch};
use crate::support::{Chat, World};

#[tokio::test]
async fn watch_filters_exclude_other_changes() {
    let world = World::start().await;
    let (one, two) = (world.chat("One").await, world.chat("Two").await);
    let patch = async |chat: &Chat, body: Value| {
        let answer = world.rest().patch(&chat.path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    patch(&one, json!({"labels": "vip"})).await;
    let by_label = WatchChatsRequest { label: Some("VIP".to_owned()), ..Default::default() };
    let mut by_label = watch(&world, by_label).await;
    let email = world.org.members[0].clone();
    let mut by_member =
        watch(&world, WatchChatsRequest { assigned_to: Some(email.to_uppercase()), ..Default::default() })
            .await;
    let kinds = WatchChatsRequest { actions: vec!["assignee".to_owned()], ..Default::default() };
    let mut by_kind = watch(&world, kinds).await;

    // One after the other: a filter uses the attributes that the chat has when the change is published.
    let expect = async |watch: &mut Streaming<WatchChatsResponse>, chat: &Chat, action: &str| {
        let change = next_change(watch).await;
        assert_eq!((change.chat_id.as_str(), change.action.as_str()), (chat.id.as_str(), action));
    };
    archive(&world, &two, true).await;
    archive(&world, &one, true).await;
    expect(&mut by_label, &one, "state").await;
    patch(&two, json!({"assigned_to": email})).await;
    expect(&mut by_member, &two, "assignee").await;
    archive(&world, &one, false).await;
    archive(&world, &two, false).await;
    expect(&mut by_label, &one, "state").await;
    expect(&mut by_member, &two, "state").await;
    patch(&one, json!({"labels": ""})).await;
    expect(&mut by_label, &one, "labels").await;
    patch(&two, json!({"assigned_to": null})).await;
    expect(&mut by_member, &two, "assignee").await;
    expect(&mut by_kind, &two, "assignee").await;
    expect(&mut by_kind, &two, "assignee").await;

    for (query, field) in [
        ("actions=renamed", "actions[0]"),
        ("label=nobody-has-it", "label"),
        ("resume_token=AAAA", "resume_token"),
    ] {
        let answer = world.rest().get(format!("/v1/chats:watch?{query}")).await.expect(422).json();
        assert!(answer["fields"][field].is_object(), "{query}: {answer}");
    }
    let elsewhere = format!("/api/v1/sessions/{}/chats:watch", world.other.sessions[0]);
    assert_eq!(world.rest().get(elsewhere).await.status, 404);
}

#[tokio::test]
async fn watch_by_label_or_assignee_receives_the_deletion() {
    let world = World::start().await;
    let (removed, phone, lid) = (world.chat("Removed").await, world.chat("Asha").await, "189412345678@lid");
    let message = json!({"session": world.org.numbers[0], "message": {"id": "A", "chat": lid, "fromMe": false,
        "body": "hello", "timestamp": 1_737_976_000_000_i64}});
    world.import(&world.org, &[message]);
    let email = world.org.members[0].clone();
    for path in [removed.path.clone(), format!("/v1/chats/{lid}")] {
        let body = json!({"labels": "vip", "assigned_to": email});
        world.rest().patch(&path, body).await.expect(200);
    }
    let actions = vec!["detached".to_owned(), "deleted".to_owned()];
    let by_label =
        WatchChatsRequest { label: Some("vip".to_owned()), actions: actions.clone(), ..Default::default() };
    let by_member = WatchChatsRequest { assigned_to: Some(email), actions, ..Default::default() };
    let mut watches = [watch(&world, by_label).await, watch(&world, by_member).await];
    world.rest().delete(&removed.session_path).await.expect(204);
    let tie = json!({"session": world.org.numbers[0], "address": {"lid": lid, "jid": phone.jid}});
    world.import(&world.org, &[tie]);
    for watch in &mut watches {
        for (chat, action) in
            [(removed.id.as_str(), "detached"), (&removed.id, "deleted"), (lid, "detached"), (lid, "deleted")]
        {
            let change = next_change(watch).await;
            assert_eq!((change.chat_id.as_str(), change.action.as_str()), (chat, action));
        }
    }
}
