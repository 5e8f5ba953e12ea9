//! Changes of several chats: all change or none.

use serde_json::{Value, json};

use crate::support::{Chat, World};

async fn chats(world: &World, count: usize) -> Vec<Chat> {
    let mut chats = Vec::new();
    for _ in 0..count {
        chats.push(world.chat("Alice").await);
    }
    chats
}

fn ids(chats: &[Chat]) -> Vec<&str> {
    chats.iter().map(|chat| chat.id.as_str()).collect()
}

async fn shown(world: &World, chats: &[Chat], key: &str) -> Vec<Value> {
    let mut values = Vec::new();
    for chat in chats {
        values.push(world.rest().get(chat).await.expect(200).json()[key].clone());
    }
    values
}

#[tokio::test]
async fn labels_of_several_chats_are_replaced() {
    let world = World::shared().await;
    let chats = chats(world, 3).await;
    world.rest().patch(&chats[0], json!({"labels": "Bulk one, old"})).await.expect(200);
    let unchanged = shown(world, &chats[2..], "updated_at").await;
    // Several spellings of a chat, and a repeated chat, count once.
    let spelled = [&chats[0].id, &chats[0].jid, &chats[1].digits, &chats[1].digits];
    let body = json!({"labels": "bulk ONE, bulk two,", "chat_ids": spelled});
    let answer = world.rest().patch("/v1/chats/labels", body.clone()).await.expect(204);
    assert!(answer.body.is_empty());
    let labels = shown(world, &chats, "labels").await;
    assert_eq!(labels, [json!(["Bulk one", "bulk two"]), json!(["Bulk one", "bulk two"]), json!([])]);
    assert_eq!(shown(world, &chats[2..], "updated_at").await, unchanged);
    // Chats that already have the labels do not change.
    let before = shown(world, &chats, "updated_at").await;
    world.rest().patch("/v1/chats/labels", body).await.expect(204);
    assert_eq!(shown(world, &chats, "updated_at").await, before);
    let body = json!({"labels": ["bulk two"], "chat_ids": ids(&chats)});
    world.rest().patch("/v1/chats/labels", body).await.expect(204);
    assert_eq!(shown(world, &chats, "labels").await, vec![json!(["bulk two"]); 3]);
    for nothing in [json!(""), json!(null), json!([])] {
        let body = json!({"labels": "some", "chat_ids": ids(&chats)});
        world.rest().patch("/v1/chats/labels", body).await.expect(204);
        let body = json!({"labels": nothing, "chat_ids": ids(&chats)});
        world.rest().patch("/v1/chats/labels", body).await.expect(204);
        assert_eq!(shown(world, &chats, "labels").await, vec![json!([]); 3], "{nothing}");
    }
}

#[tokio::test]
async fn access_of_several_chats_is_replaced_or_extended() {
    let world = World::shared().await;
    let chats = chats(world, 2).await;
    let [agent, second] = world.org.members.clone();
    let patch = async |body: Value| world.rest().patch("/v1/chats/access", body).await.expect(204);
    patch(json!({"access": {agent.to_uppercase(): true}, "chat_ids": ids(&chats)})).await;
    assert_eq!(shown(world, &chats, "chat_access").await, vec![json!({&agent: true}); 2]);
    patch(json!({"access": {&second: false}, "chat_ids": ids(&chats[..1]), "replace": false})).await;
    let both = json!({&agent: true, &second: false});
    assert_eq!(shown(world, &chats, "chat_access").await, [both, json!({&agent: true})]);
    patch(json!({"access": {&second: true}, "chat_ids": ids(&chats)})).await;
    assert_eq!(shown(world, &chats, "chat_access").await, vec![json!({&second: true}); 2]);
    let before = shown(world, &chats, "updated_at").await;
    patch(json!({"access": {&second: true}, "chat_ids": ids(&chats), "replace": false})).await;
    assert_eq!(shown(world, &chats, "updated_at").await, before);
    patch(json!({"access": {}, "chat_ids": ids(&chats)})).await;
    assert_eq!(shown(world, &chats, "chat_access").await, vec![json!({}); 2]);
}

#[tokio::test]
async fn invalid_chat_or_member_changes_no_chat() {
    let world = World::start().await;
    let chats = chats(&world, 2).await;
    let theirs = world.chat_of(&world.other, "Their secret").await;
    let missing = world.missing_chat_of(&world.org);
    let agent = &world.org.members[0];
    let good = json!({"access": {agent: true}, "chat_ids": ids(&chats)});
    world.rest().patch("/v1/chats/access", good).await.expect(204);
    let before = world.sql().fingerprint();
    for stranger in [&theirs.id, &missing.id] {
        let some = [chats[0].id.as_str(), stranger, &chats[1].id];
        for (path, body) in [
            ("/v1/chats/labels", json!({"labels": "lost", "chat_ids": some})),
            ("/v1/chats/access", json!({"access": {}, "chat_ids": some})),
        ] {
            let answer = world.rest().patch(path, body).await.expect(404).json();
            assert_eq!(answer["message"], "chat not found");
            assert_eq!(
                answer["fields"],
                json!({"chat_ids[1]": {"message": "chat_ids[1] is not the id of a chat"}})
            );
        }
    }
    let too_many: Vec<_> = (0..1001).map(|number| format!("{}@c.us", 15_550_200_000_u64 + number)).collect();
    let all = ids(&chats);
    for (path, body, field) in [
        ("/v1/chats/labels", json!({"chat_ids": all}), "labels"),
        ("/v1/chats/labels", json!({"labels": "a\u{7}b", "chat_ids": all}), "labels"),
        ("/v1/chats/labels", json!({"labels": "lost"}), "chat_ids"),
        ("/v1/chats/labels", json!({"labels": "lost", "chat_ids": []}), "chat_ids"),
        ("/v1/chats/labels", json!({"labels": "lost", "chat_ids": too_many}), "chat_ids"),
        ("/v1/chats/labels", json!({"labels": "lost", "chat_ids": [all[0], "nonsense"]}), "chat_ids[1]"),
        ("/v1/chats/access", json!({"chat_ids": all}), "access"),
        ("/v1/chats/access", json!({"access": {agent: "yes"}, "chat_ids": all}), &format!("access.{agent}")),
        ("/v1/chats/access", json!({"access": {agent: null}, "chat_ids": all}), &format!("access.{agent}")),
        (
            "/v1/chats/access",
            json!({"access": {agent: false, "nobody@acme.example": true}, "chat_ids": all}),
            "access.nobody@acme.example",
        ),
        ("/v1/chats/access", json!({"access": {agent: true}, "chat_ids": too_many}), "chat_ids"),
    ] {
        let answer = world.rest().patch(path, body.clone()).await.expect(422).json();
        assert!(answer["fields"][field]["message"].is_string(), "{body}: {answer}");
    }
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn chats_that_another_number_holds_are_missing_ones() {
    let world = World::shared().await;
    let chats = chats(world, 2).await;
    let body = json!({"labels": "lost", "chat_ids": ids(&chats)});
    let elsewhere = world.rest().with("x-phone", &world.org.numbers[1]);
    elsewhere.patch("/v1/chats/labels", body.clone()).await.expect(404);
    let key = world.limited_key("read,send", &world.org.sessions[1..2]);
    world.anonymous().token(&key).patch("/v1/chats/labels", body).await.expect(404);
    assert_eq!(shown(world, &chats, "labels").await, vec![json!([]); 2]);
}

#[tokio::test]
async fn thousand_chats_change_in_one_request() {
    let world = World::start().await;
    let event = |number: u64| {
        let jid = format!("{}@s.whatsapp.net", 15_550_200_000 + number);
        json!({"session": world.org.numbers[0], "chat": {"jid": jid, "type": "dm"}})
    };
    world.import(&world.org, &(0..1000).map(event).collect::<Vec<_>>());
    let all: Vec<_> = (0..1000).map(|number| (15_550_200_000_u64 + number).to_string()).collect();
    let body = json!({"labels": "a, b, c", "chat_ids": all});
    world.rest().patch("/v1/chats/labels", body).await.expect(204);
    assert_eq!(world.sql().count("chat_labels"), 3000);
    let body = json!({"access": {&world.org.members[0]: true}, "chat_ids": all});
    world.rest().patch("/v1/chats/access", body).await.expect(204);
    assert_eq!(world.sql().count("chat_access"), 1000);
    let page = world.rest().get("/v1/chats?label=b&limit=2000").await.expect(200).json();
    assert_eq!((&page["count"], page["chats"].as_array().map(Vec::len)), (&json!(1000), Some(1000)));
}

#[tokio::test]
async fn concurrent_changes_of_the_same_chats_do_not_deadlock() {
    let world = World::shared().await;
    let chats = chats(world, 6).await;
    let calls = (0..24).map(|number: usize| {
        let mut some: Vec<String> = ids(&chats).into_iter().map(str::to_owned).collect();
        some.rotate_left(number % 6);
        let (rest, member, one) =
            (world.rest(), world.org.members[number % 2].clone(), chats[number % 6].path.clone());
        tokio::spawn(async move {
            match number % 3 {
                0 => {
                    rest.patch(
                        "/v1/chats/labels",
                        json!({"labels": format!("race {number}"), "chat_ids": some}),
                    )
                    .await
                }
                1 => {
                    rest.patch("/v1/chats/access", json!({"access": {member: true}, "chat_ids": some})).await
                }
                _ => rest.patch(one, json!({"labels": "race alone", "assigned_to": member})).await,
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("no panic");
        assert!([200, 204].contains(&answer.status), "{}", answer.text());
    }
}
