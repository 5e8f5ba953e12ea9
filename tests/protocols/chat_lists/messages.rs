//! Lists of messages.

use serde_json::{Value, json};

use super::numbers::assert_kept;
use super::{position, receive, strings};
use crate::support::{Answer, World};

#[tokio::test]
async fn messages_of_a_chat_and_of_all_are_newest_first() {
    let world = World::start().await;
    let [alice, bob] = [world.chat("Alice").await, world.chat("Bob").await];
    receive(&world, &world.org, 0, &[(&alice, 1), (&alice, 4), (&bob, 2), (&bob, 5), (&alice, 3)]);
    receive(&world, &world.org, 1, &[(&alice, 3)]);
    let unique = |answer: &Answer| strings(&answer.json()["messages"], "unique_id");
    let first = world.rest().with("x-phone", &world.org.numbers[0]);

    let path = format!("{}/messages", alice.path);
    for caller in [&world.rest(), &first] {
        let all = caller.get(&path).await.expect(200);
        assert_eq!((unique(&all).join(" "), position(&all)), ("M4 M3 M1".to_owned(), (1, 3, json!(3))));
        let newest = caller.get(&alice).await.expect(200).json()["latest_message"].clone();
        assert_eq!(all.json()["messages"][0], newest);
        assert_eq!(newest.as_object().map(serde_json::Map::len), Some(54));
        let last = caller.get(format!("{path}?offset=2&limit=2")).await.expect(200);
        assert_eq!((unique(&last), position(&last)), (vec!["M1".to_owned()], (3, 3, json!(3))));
        let uncounted = caller.get(format!("{path}?offset=1&limit=1&skip_count=true")).await.expect(200);
        assert_eq!((unique(&uncounted), position(&uncounted)), (vec!["M3".to_owned()], (2, 2, Value::Null)));
    }
    let second = world.rest().with("x-phone", &world.org.numbers[1]);
    assert_eq!(unique(&second.get(&path).await.expect(200)), ["M3"]);
    world.rest().get(format!("{}/messages", world.missing_chat_of(&world.org).path)).await.expect(404);
    second.get(format!("{}/messages", bob.path)).await.expect(404);

    let all = first.get("/v1/chats/messages").await.expect(200);
    assert_eq!((unique(&all).join(" "), position(&all)), ("M5 M4 M3 M2 M1".to_owned(), (1, 5, json!(5))));
    let chats = strings(&all.json()["messages"], "chat_id");
    assert_eq!(chats, [&bob, &alice, &alice, &bob, &alice].map(|chat| chat.id.clone()));
    let both = world.rest().get("/v1/chats/messages").await.expect(200);
    assert_eq!(
        (unique(&both).join(" "), position(&both)),
        ("M5 M4 M3 M3 M2 M1".to_owned(), (1, 6, json!(6)))
    );
    let page = world.rest().get("/v1/chats/messages?offset=4&limit=9").await.expect(200);
    assert_eq!((unique(&page).join(" "), position(&page)), ("M2 M1".to_owned(), (5, 6, json!(6))));
    let range = "/v1/chats/messages?start_time=2026-01-01T00:02:00Z&end_time=2026-01-01T00:04:00Z";
    let some = first.get(range).await.expect(200);
    assert_eq!((unique(&some).join(" "), position(&some)), ("M3 M2".to_owned(), (1, 2, json!(2))));
    assert_kept(&world);
}
