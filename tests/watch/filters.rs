//! Filters of watches, including the change by which a chat stops matching.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::{Request, Streaming};

use super::{archive, next, next_change, watch};
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

#[tokio::test]
async fn watch_of_a_session_receives_the_deletion() {
    let world = World::start().await;
    let (removed, phone, lid) = (world.chat("Removed").await, world.chat("Asha").await, "189412345679@lid");
    let message = json!({"session": world.org.numbers[0], "message": {"id": "A", "chat": lid, "fromMe": false,
        "body": "hello", "timestamp": 1_737_976_000_000_i64}});
    world.import(&world.org, &[message]);
    let actions = vec!["labels".to_owned(), "detached".to_owned(), "deleted".to_owned()];
    let resume_token = {
        let begun = world.grpc_chat().watch_chats(WatchChatsRequest::default()).await;
        next(&mut begun.expect("a watch").into_inner()).await.resume_token
    };
    let request = |resume_token: &str| {
        let resume_token = resume_token.to_owned();
        WatchChatsRequest { actions: actions.clone(), resume_token, ..Default::default() }
    };
    let watch_as = async |session: usize, resume_token: &str| {
        let key = world.limited_key("read", &world.org.sessions[session..=session]);
        let mut client = ChatServiceClient::connect(world.url()).await.expect("a connection");
        let mut request = Request::new(request(resume_token));
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {key}").parse().expect("a header value"));
        client.watch_chats(request).await.expect("a watch").into_inner()
    };
    let (mut live, mut other) = (watch_as(0, "").await, watch_as(1, "").await);
    for watch in [&mut live, &mut other] {
        assert!(next(watch).await.change.is_none());
    }
    world.rest().patch(&removed, json!({"labels": "vip"})).await.expect(200);
    world.rest().delete(&removed.session_path).await.expect(204);
    let tie = json!({"session": world.org.numbers[0], "address": {"lid": lid, "jid": phone.jid}});
    world.import(&world.org, &[tie]);
    // One that resumes receives what happened before the deletion.
    for watch in [&mut live, &mut watch_as(0, &resume_token).await] {
        let mut received: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for _ in 0..5 {
            let change = next_change(watch).await;
            let is_shown = change.changes.iter().any(|field| field.field.starts_with("held_by"));
            assert!(!is_shown, "{change:?}");
            received.entry(change.chat_id).or_default().push(change.action);
        }
        assert_eq!(received[&removed.id], ["labels", "detached", "deleted"]);
        assert_eq!(received[lid], ["detached", "deleted"]);
    }
    let held = json!({"session": world.org.numbers[1], "chat": {"jid": phone.jid, "type": "dm"}});
    world.import(&world.org, &[held]);
    world.rest().patch(&phone, json!({"labels": "other"})).await.expect(200);
    assert_eq!(next_change(&mut other).await.chat_id, phone.id, "the first session alone held the others");
}
