//! Filters and orders of an inbox: parts of names and numbers, several labels, oldest first, and counts of each view.

use serde_json::{Value, json};

use super::{five_chats, listed};
use crate::support::{Rest, World};

/// The names of the listed chats.
async fn names(caller: &Rest, query: &str) -> Vec<String> {
    let answer = caller.get(format!("/v1/chats?{query}")).await.expect(200).json();
    let chats = answer["chats"].as_array().expect("chats");
    assert_eq!(answer["count"].as_u64(), Some(chats.len() as u64), "{query}: {answer}");
    chats.iter().map(|chat| chat["chat_name"].as_str().expect("a name").to_owned()).collect()
}

async fn counts(caller: &Rest, query: &str) -> Value {
    caller.get(format!("/v1/chats:count?{query}")).await.expect(200).json()
}

#[tokio::test]
async fn query_finds_parts_of_names_and_numbers() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    for caller in [world.rest(), world.rest().with("x-phone", &world.org.numbers[0])] {
        assert_eq!(names(&caller, "query=%C3%84R").await, ["Carol"]);
        assert_eq!(names(&caller, "query=a").await, ["Carol", "Alice", "Dave"]);
        assert_eq!(names(&caller, "query=zz").await, Vec::<String>::new());
        assert_eq!(names(&caller, &format!("query={}", &chats[3].digits[4..])).await, ["Dave"]);
        for digits in 1..=2 {
            let part = &chats[3].digits[11 - digits..];
            let expected = chats.iter().filter(|chat| chat.digits.contains(part)).count();
            assert_eq!(names(&caller, &format!("query={part}")).await.len(), expected, "{part}");
        }
        assert_eq!(names(&caller, "query=%20").await.len(), 5);
        assert_eq!(names(&caller, "query=a&unread=false").await, ["Dave"]);
    }
    let limited = world.anonymous().token(&world.limited_key("read", &world.org.sessions));
    assert_eq!(names(&limited, "query=ali").await, ["Alice"]);
    let long = format!("/v1/chats?query={}", "x".repeat(101));
    world.rest().get(long).await.expect(422);
}

#[tokio::test]
async fn several_labels_must_all_be_on_a_chat() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    let rest = world.rest();
    for (chat, labels) in [(0, "vip, late"), (1, "VIP"), (2, "late"), (3, "vip, late, new")] {
        rest.patch(&chats[chat], json!({"labels": labels})).await.expect(200);
    }
    assert_eq!(names(&rest, "labels=vip&labels=LATE").await, ["Alice", "Dave"]);
    assert_eq!(names(&rest, "label=vip&labels=late").await, ["Alice", "Dave"]);
    assert_eq!(names(&rest, "labels=vip&labels=vip").await, ["Bob", "Alice", "Dave"]);
    assert_eq!(names(&rest, "labels=vip&labels=missing").await, Vec::<String>::new());
    assert_eq!(names(&rest, "labels=late&query=ali").await, ["Alice"]);
    assert_eq!(counts(&rest, "labels=vip&labels=late").await["all"], 2);
}

#[tokio::test]
async fn oldest_first_is_the_reverse_on_every_page() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    world.rest().patch(&chats[0], json!({"labels": "vip"})).await.expect(200);
    world.rest().patch(&chats[2], json!({"labels": "vip"})).await.expect(200);
    let limited = world.anonymous().token(&world.limited_key("read", &world.org.sessions));
    for caller in [world.rest(), world.rest().with("x-phone", &world.org.numbers[0]), limited] {
        for filter in ["", "&label=vip", "&query=a", "&archived=false"] {
            let mut newest = listed(&caller, &format!("?sort=newest{filter}")).await;
            newest.reverse();
            let mut oldest = Vec::new();
            for offset in 0..5 {
                oldest
                    .extend(listed(&caller, &format!("?sort=oldest&limit=1&offset={offset}{filter}")).await);
            }
            assert_eq!(oldest, newest, "{filter}");
        }
    }
    world.rest().get("/v1/chats?sort=name").await.expect(422);
}

#[tokio::test]
async fn views_are_counted_as_they_are_listed() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    let (rest, email) = (world.rest(), &world.org.members[0]);
    rest.patch(&chats[0], json!({"assigned_to": email})).await.expect(200);
    rest.patch(&chats[3], json!({"assigned_to": email})).await.expect(200);
    rest.json("POST", format!("{}/close", chats[3].path), "").await.expect(200);
    rest.patch(&chats[4].session_path, json!({"archived": true})).await.expect(200);
    let expected = json!({"all": 4, "unread": 3, "mine": 1, "unassigned": 2, "closed": 1, "archived": 1});
    let limited = world.anonymous().token(&world.limited_key("read", &world.org.sessions));
    for caller in [rest.clone(), rest.with("x-phone", &world.org.numbers[0]), limited] {
        assert_eq!(counts(&caller, &format!("member={email}")).await, expected);
        for (view, filter) in [
            ("all", "archived=false".to_owned()),
            ("unread", "archived=false&unread=true".to_owned()),
            ("mine", format!("archived=false&closed=false&assigned_to={email}")),
            ("unassigned", "archived=false&closed=false&assigned_to=none".to_owned()),
            ("closed", "archived=false&closed=true".to_owned()),
            ("archived", "archived=true".to_owned()),
        ] {
            let list = names(&caller, &filter).await;
            assert_eq!(expected[view].as_u64(), Some(list.len() as u64), "{view}: {list:?}");
        }
    }
    assert_eq!(counts(&rest, "query=alice").await["all"], 1);
    assert_eq!(counts(&rest, "").await["mine"], 0, "an api-key is no member");
    let empty = json!({"all": 0, "unread": 0, "mine": 0, "unassigned": 0, "closed": 0, "archived": 0});
    assert_eq!(counts(&rest.with("x-phone", &world.org.numbers[1]), "").await, empty);
    rest.with("x-phone", "15550109998").get("/v1/chats:count").await.expect(404);
}

#[tokio::test]
async fn at_most_1000_chats_are_counted() {
    let world = World::start().await;
    let chats = (0..1001).map(|number| {
        let chat = json!({"jid": format!("1555010{:05}@s.whatsapp.net", 20_000 + number), "type": "dm"});
        json!({"session": world.org.numbers[0], "chat": chat})
    });
    world.import(&world.org, &chats.collect::<Vec<_>>());
    let counted = counts(&world.rest(), "").await;
    assert_eq!(
        (&counted["all"], &counted["unassigned"], &counted["unread"]),
        (&json!(1000), &json!(1000), &json!(0))
    );
}
