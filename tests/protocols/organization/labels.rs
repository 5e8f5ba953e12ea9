//! Labels: creating, updating and deleting them, and the effects on chats.

use serde_json::{Value, json};
use switchboard::pb;

use super::{delete, error_of, manager, patch, post, version, without_time};
use crate::support::World;

#[tokio::test]
async fn label_is_created_updated_and_deleted() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let new = json!({"name": " Étage ", "color": "#1fA2B3"});
    let made = post(&caller, "/labels", new).await.expect(201).json();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!(without_time(made.clone()), json!({"id": id, "name": "Étage", "color": "#1fA2B3"}));
    for name in ["étage", "E\u{301}TAGE"] {
        assert_eq!(error_of(post(&caller, "/labels", json!({"name": name})).await, 409).0, "conflict");
    }
    let other = post(&caller, "/labels", json!({"name": "Ground floor"})).await.expect(201).json();
    assert_eq!((&other["name"], &other["color"]), (&json!("Ground floor"), &Value::Null));

    let path = format!("/labels/{id}");
    for (sent, name, color) in [
        (json!({}), "Étage", json!("#1fA2B3")),
        (json!({"name": "ÉTAGE"}), "ÉTAGE", json!("#1fA2B3")),
        (json!({"color": null}), "ÉTAGE", Value::Null),
        (json!({"name": "Floor", "color": "#000000"}), "Floor", json!("#000000")),
        (json!({"id": "label-aaaaaaaaaaaaaaaa", "name": "Floor"}), "Floor", json!("#000000")),
    ] {
        let answer = patch(&caller, &path, sent.clone()).await.expect(200).json();
        let shown = json!({"id": id, "name": name, "color": color, "createdAt": made["createdAt"]});
        assert_eq!(answer, shown, "{sent}");
    }
    assert_eq!(error_of(patch(&caller, &path, json!({"name": "GROUND floor"})).await, 409).0, "conflict");
    assert!(delete(&caller, &path).await.expect(204).body.is_empty());
    assert_eq!(error_of(delete(&caller, &path).await, 404), ("not_found".to_owned(), None));
    assert_eq!(error_of(patch(&caller, &path, json!({})).await, 404).0, "not_found");
    post(&caller, "/labels", json!({"name": "floor"})).await.expect(201);
}

#[tokio::test]
async fn label_with_invalid_field_returns_422() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let before = world.sql().fingerprint();
    let path = format!("/labels/{}", world.org.label);
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": null}), "name"),
        (json!({"name": "a,b"}), "name"),
        (json!({"name": "a\u{7}b"}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "é".repeat(101)}), "name"),
        (json!({"name": "a", "color": "red"}), "color"),
        (json!({"name": " "}), "name"),
        (json!({"name": "a", "color": "#12345"}), "color"),
        (json!({"name": "a", "color": "123456"}), "color"),
        (json!({"name": "a", "color": "#1234567"}), "color"),
        (json!({"name": "a", "color": "#12345G"}), "color"),
        (json!({"name": "a", "color": "#\u{661}\u{662}\u{663}"}), "color"),
        (json!({"name": "a", "color": ""}), "color"),
    ] {
        for answer in
            [post(&caller, "/labels", body.clone()).await, patch(&caller, &path, body.clone()).await]
        {
            assert_eq!(error_of(answer, 422).1.as_deref(), Some(field), "{body}");
        }
    }
    assert_eq!(error_of(patch(&caller, "/labels/vip", json!({})).await, 422).1.as_deref(), Some("labelId"));
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn label_named_like_a_label_id_returns_422() {
    let world = World::shared().await;
    let caller = manager(world).await;
    for name in ["label-abcdefghijklmnop", "LABEL-abcdefghijklmnop"] {
        let answer = post(&caller, "/labels", json!({"name": name})).await;
        assert_eq!(error_of(answer, 422).1.as_deref(), Some("name"));
        let path = format!("/labels/{}", world.org.label);
        assert_eq!(
            error_of(patch(&caller, &path, json!({"name": name})).await, 422).1.as_deref(),
            Some("name")
        );
        let chat = world.chat("Alice").await;
        let refused = world.rest().patch(&chat, json!({"labels": format!("vip, {name}")})).await.json();
        let message = &refused["fields"]["labels"]["message"];
        assert_eq!(message, "labels must not look like a label id", "{refused}");
    }
}

#[tokio::test]
async fn concurrent_creations_of_a_name_create_one_label() {
    let world = World::shared().await;
    let caller = manager(world).await;
    for round in 0..10 {
        let calls = (0..8).map(|number| {
            let name = ["Crème", "crème", "CRE\u{300}ME"][number % 3];
            let (caller, body) = (caller.clone(), json!({"name": format!("{name} {round}")}));
            tokio::spawn(async move { post(&caller, "/labels", body).await.status })
        });
        let mut statuses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            statuses.push(call.await.expect("no panic"));
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    }
}

#[tokio::test]
async fn renamed_label_shows_on_all_chats() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let chats = [world.chat("A").await, world.chat("B").await];
    let bare = world.chat("C").await;
    for chat in &chats {
        world.rest().patch(chat, json!({"labels": "to rename, zebra"})).await.expect(200);
    }
    let id = label_of(world, &chats[0], "to rename").await;
    let before = [version(world, &chats[0]).await, version(world, &bare).await];
    patch(&caller, &format!("/labels/{id}"), json!({"color": "#102030"})).await.expect(200);
    assert_eq!(version(world, &chats[0]).await, before[0], "a chat does not show colours");
    patch(&caller, &format!("/labels/{id}"), json!({"name": "Renamed"})).await.expect(200);
    for chat in &chats {
        let shown = world.rest().get(chat).await.expect(200).json();
        assert_eq!(shown["labels"], json!(["Renamed", "zebra"]));
        assert_eq!(shown["label_ids"][&id], true);
    }
    let request = pb::GetChatRequest { chat_id: chats[1].id.clone() };
    let shown = world.grpc_chat().get_chat(request).await.expect("the chat").into_inner();
    assert_eq!(shown.labels, ["Renamed", "zebra"]);
    let now = [version(world, &chats[0]).await, version(world, &bare).await];
    assert!(now[0].0 != before[0].0 && now[0].1 > before[0].1, "{now:?} {before:?}");
    assert_eq!(now[1], before[1]);
    let again = world.rest().patch(&bare, json!({"labels": "RENAMED"})).await.expect(200).json();
    assert_eq!(again["label_ids"], json!({&id: true}));
}

#[tokio::test]
async fn deleted_label_is_removed_from_all_chats() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let [labelled, other] = [world.chat("A").await, world.chat("B").await];
    world.rest().patch(&labelled, json!({"labels": "doomed, kept"})).await.expect(200);
    world.rest().patch(&other, json!({"labels": "kept"})).await.expect(200);
    let before = [version(world, &labelled).await, version(world, &other).await];
    let id = label_of(world, &labelled, "doomed").await;
    delete(&caller, &format!("/labels/{id}")).await.expect(204);
    assert_eq!(world.rest().get(&labelled).await.json()["labels"], json!(["kept"]));
    let now = [version(world, &labelled).await, version(world, &other).await];
    assert!(now[0].0 != before[0].0 && now[0].1 > before[0].1, "{now:?} {before:?}");
    assert_eq!(now[1], before[1]);
    let again = world.rest().patch(&other, json!({"labels": "doomed"})).await.expect(200).json();
    assert!(again["label_ids"].get(&id).is_none(), "a new label of the same name: {again}");
}

#[tokio::test]
async fn label_can_be_deleted_while_chats_are_labeled() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let chats = [world.chat("A").await, world.chat("B").await, world.chat("C").await];
    for round in 0..20 {
        world.rest().patch(&chats[0], json!({"labels": "contested"})).await.expect(200);
        let id = label_of(world, &chats[0], "contested").await;
        let set = |chat: usize, labels: &'static str| world_patch(world, &chats[chat].path, labels);
        let path = format!("/labels/{id}");
        let (gone, a, b, c) = tokio::join!(
            delete(&caller, &path),
            set(0, if round % 2 == 0 { "contested" } else { "" }),
            set(1, "contested, other"),
            set(2, "other, contested"),
        );
        gone.expect(204);
        assert_eq!((a, b, c), (200, 200, 200));
        let orphans = format!("labels WHERE org_id = '{}' AND label_id = '{id}'", world.org.id);
        assert_eq!(world.sql().count(&orphans), 0);
    }
}

async fn world_patch(world: &World, path: &str, labels: &str) -> u16 {
    world.rest().patch(path, json!({"labels": labels})).await.status
}

async fn label_of(world: &World, chat: &crate::support::Chat, name: &str) -> String {
    let id = world.sql().value(&format!(
        "SELECT label_id FROM labels JOIN chat_labels USING (org_id, label_id) JOIN chats USING (org_id, chat_key)
         WHERE org_id = '{}' AND chat_id = '{}' AND labels.name = '{name}'",
        world.org.id, chat.id
    ));
    id.as_str().expect("the label").to_owned()
}
