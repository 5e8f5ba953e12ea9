//! How much a response shows of large groups, and of messages to them.

use serde_json::{Value, json};

use super::tenants::group;
use crate::support::World;

#[tokio::test]
async fn lists_show_100_members_and_the_true_count() {
    let world = World::start().await;
    let large = group(&world, &world.org, 250).await;
    let listed = world.rest().get("/v1/chats?limit=10").await.expect(200).json();
    let chat = &listed["chats"][0];
    assert_eq!(
        (chat["chat_id"].as_str(), chat["member_count"].as_u64()),
        (Some(large.id.as_str()), Some(250))
    );
    let members = chat["members"].as_object().expect("members");
    assert_eq!(members.len(), 100);
    assert!(members.contains_key("15550200000@c.us") && members.contains_key("15550200099@c.us"));
    let single = world.rest().get(&large).await.expect(200).json();
    assert_eq!(single["members"].as_object().map(serde_json::Map::len), Some(250));
}

#[tokio::test]
async fn chat_and_message_show_a_bounded_number_of_persons() {
    let world = World::start().await;
    let chat = group(&world, &world.org, 1).await;
    let person = |number: usize| format!("{}@c.us", 15_550_300_000_usize + number);
    let persons = |range: std::ops::Range<usize>| range.map(person).collect::<Vec<_>>();
    let event = |mut event: Value| {
        event["session"] = json!(world.org.numbers[0]);
        event
    };
    let join = |added| {
        event(json!({"memberChange": {"chat": chat.id, "added": added, "at": 1_900_000_000_000_i64}}))
    };
    let message = |range: std::ops::Range<usize>| {
        let read: Value =
            range.map(|number| (person(number), json!(1))).collect::<serde_json::Map<_, _>>().into();
        event(
            json!({"message": {"id": "M", "chat": chat.id, "fromMe": true, "timestamp": 1_764_000_000_000_i64,
            "deliveryInfo": {"read": read}}}),
        )
    };
    let events = [join(persons(0..4000)), join(persons(4000..8000)), join(persons(8000..9000))];
    world.import(&world.org, &events);
    world.import(&world.org, &[message(5000..9000), message(0..5000)]);
    let shown = world.rest().get(&chat).await.expect(200).json();
    assert_eq!(shown["member_count"], 9001);
    assert_eq!(shown["members"].as_object().map(serde_json::Map::len), Some(8192));
    let delivery = &shown["latest_message"]["delivery_info"];
    assert_eq!(delivery["read_count"], 8192);
    assert!(delivery["read"][person(0)] == 1 && delivery["read"][person(8999)].is_null());
}
