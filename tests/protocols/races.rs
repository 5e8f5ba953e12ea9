//! Concurrent calls: none reverts another, and a failed call changes nothing.

use serde_json::{Value, json};
use switchboard::pb;

use crate::support::World;

const ROUNDS: usize = 100;

#[tokio::test]
async fn concurrent_chat_api_changes_both_survive() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for round in 0..ROUNDS {
        let member = &world.org.members[round % 2];
        let (assign, label) = (json!({"assigned_to": member}), json!({"labels": format!("round {round}")}));
        let rest = world.rest();
        let (assigned, labelled) = tokio::join!(rest.patch(&chat, assign), rest.patch(&chat, label));
        assigned.expect(200);
        labelled.expect(200);
        let now = rest.get(&chat).await.expect(200).json();
        assert_eq!(now["assigned_to"], member.as_str());
        assert_eq!(now["labels"], json!([format!("round {round}")]));
    }
}

#[tokio::test]
async fn concurrent_session_api_changes_all_survive() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let path = &chat.session_path;
    for round in 0..ROUNDS {
        let on = round % 2 == 0;
        let until = 4_000_000_000_000_u64 + round as u64;
        let rest = world.rest();
        let (archive, pin, mute) = tokio::join!(
            rest.patch(path, json!({"archived": on})),
            rest.patch(path, json!({"pinned": on})),
            rest.patch(path, json!({"mutedUntil": until})),
        );
        for answer in [archive, pin, mute] {
            answer.expect(200);
        }
        let now = rest.get(path).await.expect(200).json();
        assert_eq!((&now["archived"], &now["pinned"]), (&json!(on), &json!(on)));
        assert_eq!(now["mutedUntil"], until);
    }
}

#[tokio::test]
async fn concurrent_property_changes_both_survive() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let property = |name: &str| {
        world.cli(&["property", "create", "--org", &world.org.id, "--name", name, "--kind", "text"])
    };
    let (one, two) = (property("race one"), property("race two"));
    for round in 0..ROUNDS {
        let value = format!("round {round}");
        let set = |id: &str| json!({"custom_properties": {id: value}});
        let rest = world.rest();
        let (first, second) = tokio::join!(rest.patch(&chat, set(&one)), rest.patch(&chat, set(&two)));
        first.expect(200);
        second.expect(200);
        let now = rest.get(&chat).await.expect(200).json();
        assert_eq!(now["custom_properties"], json!({&one: value, &two: value}));
    }
}

#[tokio::test]
async fn concurrent_creation_of_a_label_creates_one() {
    let world = World::shared().await;
    let mut chats = Vec::new();
    for _ in 0..8 {
        chats.push(world.chat("Alice").await);
    }
    for round in 0..10 {
        let calls = chats.iter().enumerate().map(|(number, chat)| {
            // NFC, NFD and both cases of one name.
            let name = ["Éclair", "éclair", "E\u{301}clair", "ÉCLAIR"][number % 4];
            let (rest, path) = (world.rest(), chat.path.clone());
            let labels = json!({"labels": format!("{name} {round}, other {round}")});
            tokio::spawn(async move { rest.patch(path, labels).await.expect(200).json() })
        });
        let mut ids = std::collections::BTreeSet::new();
        for call in calls.collect::<Vec<_>>() {
            let chat: Value = call.await.expect("no panic");
            ids.insert(chat["label_ids"].to_string());
        }
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    let stored = format!("labels WHERE org_id = '{}' AND label_key LIKE '%clair%'", world.org.id);
    assert_eq!(world.sql().count(&stored), 10);
}

#[tokio::test]
async fn failed_call_changes_nothing() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let note = world.org.note.as_str();
    let good =
        json!({"labels": "kept", "custom_properties": {note: "kept"}, "assigned_to": world.org.members[0]});
    world.rest().patch(&chat, good).await.expect(200);
    let before = world.sql().fingerprint();
    let bodies = [
        json!({"labels": "lost, brand new", "assigned_to": "nobody@acme.example"}),
        json!({"labels": "lost", "custom_properties": {"no such property": "x"}}),
        json!({"labels": "lost", "custom_properties": {note: {"not": "a text"}}}),
        json!({"custom_properties": {note: "lost"}, "assigned_to": "nobody@acme.example"}),
        json!({"assigned_to": world.org.members[1], "labels": "a\u{7}b"}),
        json!({"assigned_to": world.org.members[1], "labels": "x".repeat(101)}),
        json!({"assigned_to": null, "labels": (0..101).map(|n| format!("label {n}")).collect::<Vec<_>>()}),
        json!({"assigned_to": null, "labels": 7}),
    ];
    for body in bodies {
        world.rest().patch(&chat, body.clone()).await.expect(422);
        assert_eq!(world.sql().fingerprint(), before, "{body}");
    }
    let session = json!({"archived": true, "pinned": "maybe"});
    world.rest().patch(&chat.session_path, session).await.expect(422);
    let missing = world.missing_chat_of(&world.org);
    world.rest().patch(&missing, json!({"labels": "lost, brand new"})).await.expect(404);
    world.rest().delete(&missing.session_path).await.expect(404);
    assert_eq!(world.sql().fingerprint(), before);

    let update = pb::Chat {
        labels: vec!["lost".to_owned()],
        assigned_to: Some("nobody@acme.example".to_owned()),
        ..Default::default()
    };
    let request = pb::UpdateChatRequest { chat_id: chat.id.clone(), chat: Some(update), update_mask: None };
    let status = world.grpc_chat().update_chat(request).await.expect_err("nobody is not a member");
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().contains("assigned_to"), "{status:?}");
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn both_apis_and_protocols_see_each_others_changes() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    world.rest().patch(&chat.session_path, json!({"archived": true, "pinned": true})).await.expect(200);
    let shown = world.rest().get(&chat).await.expect(200).json();
    assert_eq!((&shown["is_archived"], &shown["is_pinned"]), (&json!(true), &json!(true)));
    let request =
        pb::GetSessionChatRequest { session_id: world.org.sessions[0].clone(), jid: chat.jid.clone() };
    let answer = world.grpc_session().get_session_chat(request).await.expect("the chat").into_inner();
    assert_eq!(
        (answer.archived, answer.pinned, answer.name.as_deref()),
        (Some(true), Some(true), Some("Alice"))
    );
    let request = pb::GetChatRequest { chat_id: chat.digits.clone() };
    let answer = world.grpc_chat().get_chat(request).await.expect("the chat").into_inner();
    assert!(answer.is_archived && answer.is_pinned);
    assert_eq!(answer.chat_id, chat.id);
}
