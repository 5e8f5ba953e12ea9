//! Custom properties: creating, updating and deleting them, and the effects on chats.

use serde_json::{Value, json};

use super::{delete, error_of, manager, patch, post, version, without_time};
use crate::support::{Chat, Rest, World};

#[tokio::test]
async fn property_is_created_updated_and_deleted() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let new = json!({"name": " Size ", "kind": "dropdown", "options": ["S", " M ", "L"]});
    let made = post(&caller, "/properties", new).await.expect(201).json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let shown = json!({"id": id, "name": "Size", "kind": "dropdown", "options": ["S", "M", "L"]});
    assert_eq!(without_time(made.clone()), shown);
    let same_name = json!({"name": "Size", "kind": "text"});
    assert_eq!(error_of(post(&caller, "/properties", same_name).await, 409).0, "conflict");
    let other =
        post(&caller, "/properties", json!({"name": "size", "kind": "date"})).await.expect(201).json();
    assert_eq!((&other["kind"], &other["options"]), (&json!("date"), &json!([])));

    let path = format!("/properties/{id}");
    for (sent, name, options) in [
        (json!({}), "Size", json!(["S", "M", "L"])),
        (json!({"name": "Fit"}), "Fit", json!(["S", "M", "L"])),
        (json!({"options": ["XL", "M"]}), "Fit", json!(["XL", "M"])),
        (json!({"kind": "text", "name": "Cut"}), "Cut", json!(["XL", "M"])),
    ] {
        let answer = patch(&caller, &path, sent.clone()).await.expect(200).json();
        let expected = json!({
            "id": id, "name": name, "kind": "dropdown", "options": options, "createdAt": made["createdAt"],
        });
        assert_eq!(answer, expected, "{sent}");
    }
    assert_eq!(error_of(patch(&caller, &path, json!({"name": "size"})).await, 409).0, "conflict");
    assert!(delete(&caller, &path).await.expect(204).body.is_empty());
    assert_eq!(error_of(delete(&caller, &path).await, 404), ("not_found".to_owned(), None));
    assert_eq!(error_of(patch(&caller, &path, json!({})).await, 404).0, "not_found");
}

#[tokio::test]
async fn property_with_invalid_field_returns_422() {
    let world = World::start().await;
    let caller = manager(&world).await;
    let text = format!("/properties/{}", world.org.note);
    // The longest name in characters, not bytes. An option of a dropdown may contain a comma.
    let size = json!({"name": "ë".repeat(100), "kind": "dropdown", "options": ["S, small"]});
    let size = post(&caller, "/properties", size).await.expect(201).json();
    let dropdown = format!("/properties/{}", size["id"].as_str().expect("an id"));
    let before = world.sql().fingerprint();
    let many: Vec<_> = (0..1001).map(|number| number.to_string()).collect();
    for (body, field) in [
        (json!({"kind": "text"}), "name"),
        (json!({"name": "property-aaaaaaaaaaaaaaaa", "kind": "text"}), "name"),
        (json!({"name": "a\nb", "kind": "text"}), "name"),
        (json!({"name": "a"}), "kind"),
        (json!({"name": "a", "kind": "number"}), "kind"),
        (json!({"name": "a", "kind": "text", "options": ["x"]}), "options"),
        (json!({"name": "a", "kind": "date", "options": ["x"]}), "options"),
        (json!({"name": "a", "kind": "picklist"}), "options"),
        (json!({"name": "a", "kind": "dropdown"}), "options"),
        (json!({"name": "a", "kind": "picklist", "options": ["x", "x"]}), "options[1]"),
        (json!({"name": "a", "kind": "picklist", "options": ["x", ""]}), "options[1]"),
        (json!({"name": "a", "kind": "picklist", "options": ["x", "a,b"]}), "options[1]"),
        (json!({"name": "a", "kind": "picklist", "options": many}), "options"),
    ] {
        let named = error_of(post(&caller, "/properties", body.clone()).await, 422).1;
        assert_eq!(named.as_deref(), Some(field), "{body}");
    }
    for (path, body, field) in [
        (&text, json!({"name": null}), "name"),
        (&text, json!({"options": ["x"]}), "options"),
        (&dropdown, json!({"options": []}), "options"),
        (&dropdown, json!({"options": null}), "options"),
        (&dropdown, json!({"options": ["x", " x"]}), "options[1]"),
        (&dropdown, json!({"name": "fine", "options": ["x\ny"]}), "options[0]"),
        (&"/properties/size".to_owned(), json!({}), "propertyId"),
    ] {
        let named = error_of(patch(&caller, path, body.clone()).await, 422).1;
        assert_eq!(named.as_deref(), Some(field), "{path} {body}");
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn removed_option_is_removed_from_all_chats() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let create = async |name: &str, kind: &str| {
        let new = json!({"name": name, "kind": kind, "options": ["red", "green", "blue"]});
        let made = post(&caller, "/properties", new).await.expect(201).json();
        made["id"].as_str().expect("an id").to_owned()
    };
    let (one, many) = (create("one colour", "dropdown").await, create("many colours", "picklist").await);
    let cases = [
        (json!({&one: "red", &many: ["red", "green"]}), json!({&many: ["green"]}), true),
        (json!({&one: "green", &many: ["blue", "red"]}), json!({&one: "green"}), true),
        (json!({&many: ["green", "red", "blue"]}), json!({&many: ["green"]}), true),
        (json!({&one: "green", &many: ["green"]}), json!({&one: "green", &many: ["green"]}), false),
        (json!({&one: "green", &many: []}), json!({&one: "green", &many: []}), false),
    ];
    let mut chats = Vec::new();
    for (values, ..) in &cases {
        let chat = world.chat("Alice").await;
        world.rest().patch(&chat, json!({"custom_properties": values})).await.expect(200);
        chats.push((version(world, &chat).await, chat));
    }
    let left = json!({"options": ["yellow", "green"]});
    for property in [&one, &many] {
        patch(&caller, &format!("/properties/{property}"), left.clone()).await.expect(200);
    }
    for ((_, expected, changed), (before, chat)) in cases.iter().zip(&chats) {
        let shown = world.rest().get(chat).await.expect(200).json();
        assert_eq!(&shown["custom_properties"], expected);
        let now = version(world, chat).await;
        assert_eq!((now.0 != before.0, now.1 > before.1), (*changed, *changed), "{expected}");
    }
}

#[tokio::test]
async fn deleted_property_is_removed_from_all_chats() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let made =
        post(&caller, "/properties", json!({"name": "doomed", "kind": "text"})).await.expect(201).json();
    let id = made["id"].as_str().expect("an id");
    let [with, without] = [world.chat("A").await, world.chat("B").await];
    let values = json!({"custom_properties": {"doomed": "x", "note": "y"}});
    world.rest().patch(&with, values).await.expect(200);
    let before = [version(world, &with).await, version(world, &without).await];
    patch(&caller, &format!("/properties/{id}"), json!({"name": "renamed"})).await.expect(200);
    assert_eq!(version(world, &with).await, before[0], "a chat shows ids of properties, not their names");
    delete(&caller, &format!("/properties/{id}")).await.expect(204);
    let shown = world.rest().get(&with).await.expect(200).json();
    assert_eq!(shown["custom_properties"], json!({world.org.note.as_str(): "y"}));
    let now = [version(world, &with).await, version(world, &without).await];
    assert!(now[0].0 != before[0].0 && now[0].1 > before[0].1, "{now:?} {before:?}");
    assert_eq!(now[1], before[1]);
    world.rest().patch(&with, json!({"custom_properties": {"renamed": "x"}})).await.expect(422);
}

#[tokio::test]
async fn concurrent_writes_leave_no_removed_option_on_a_chat() {
    let world = World::shared().await;
    let caller = manager(world).await;
    let chats = [world.chat("A").await, world.chat("B").await];
    let new = json!({"name": "contested", "kind": "dropdown", "options": ["in", "out"]});
    let made = post(&caller, "/properties", new).await.expect(201).json();
    let id = made["id"].as_str().expect("an id");
    let path = format!("/properties/{id}");
    for _ in 0..20 {
        patch(&caller, &path, json!({"options": ["in", "out"]})).await.expect(200);
        let set = async |caller: Rest, chat: &Chat| {
            caller.patch(chat, json!({"custom_properties": {id: "out"}})).await.status
        };
        let (a, removed, b) = tokio::join!(
            set(world.rest(), &chats[0]),
            patch(&caller, &path, json!({"options": ["in"]})),
            set(world.rest(), &chats[1]),
        );
        removed.expect(200);
        assert!([a, b].iter().all(|status| [200, 422].contains(status)), "{a} {b}");
        for chat in &chats {
            let shown = world.rest().get(chat).await.expect(200).json();
            assert_eq!(shown["custom_properties"].get(id), None::<&Value>);
        }
    }
}
