//! Lists of chats: order, pages and filters.

mod messages;
pub mod numbers;
mod views;

use serde_json::{Value, json};
use switchboard::pb;

use crate::support::{Answer, Chat, Org, Rest, World};

/// Times are minutes of one day.
fn millis(minute: u64) -> u64 {
    1_767_225_600_000 + minute * 60_000
}

/// Imports messages that a number of an organization received.
fn receive(world: &World, org: &Org, number: usize, messages: &[(&Chat, u64)]) {
    let event = |(chat, minute): &(&Chat, u64)| {
        let message = json!({
            "id": format!("M{minute}"), "chat": chat.jid, "fromMe": false, "type": "chat",
            "body": format!("Hello {minute}"), "timestamp": millis(*minute),
        });
        json!({"session": org.numbers[number], "message": message})
    };
    world.import(org, &messages.iter().map(event).collect::<Vec<_>>());
}

fn ids(answer: &Answer) -> Vec<String> {
    strings(&answer.json()["chats"], "chat_id")
}

fn strings(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[key].as_str().expect("a text").to_owned()).collect()
}

/// `from`, `to` and `count`.
fn position(answer: &Answer) -> (i64, i64, Value) {
    let body = answer.json();
    (body["from"].as_i64().expect("from"), body["to"].as_i64().expect("to"), body["count"].clone())
}

async fn listed(caller: &Rest, query: &str) -> Vec<String> {
    ids(&caller.get(format!("/v1/chats{query}")).await.expect(200))
}

/// Three chats with messages, two of them with newest messages of the same time, and two without messages.
async fn five_chats(world: &World) -> Vec<Chat> {
    let mut chats = Vec::new();
    for name in ["Alice", "Bob", "Carol", "Dave", "Erin"] {
        chats.push(world.chat(name).await);
    }
    receive(world, &world.org, 0, &[(&chats[0], 1), (&chats[2], 5), (&chats[1], 5), (&chats[2], 3)]);
    chats
}

#[tokio::test]
async fn chats_are_ordered_by_activity_and_chat_id() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    let order: Vec<String> = [1, 2, 0, 3, 4].map(|index: usize| chats[index].id.clone()).into();
    for caller in [world.rest(), world.rest().with("x-phone", &world.org.numbers[0])] {
        let all = caller.get("/v1/chats").await.expect(200);
        assert_eq!(ids(&all), order);
        assert_eq!(position(&all), (1, 5, json!(5)));
        for chat in all.json()["chats"].as_array().expect("a list") {
            let path = format!("/v1/chats/{}", chat["chat_id"].as_str().expect("an id"));
            assert_eq!(*chat, caller.get(path).await.expect(200).json());
        }
        for limit in 1..=6 {
            for offset in 0..=6 {
                let page = caller.get(format!("/v1/chats?limit={limit}&offset={offset}")).await.expect(200);
                let expected: Vec<_> = order.iter().skip(offset).take(limit).cloned().collect();
                assert_eq!(ids(&page), expected, "{limit} from {offset}");
                let (from, to) =
                    if expected.is_empty() { (0, 0) } else { (offset + 1, offset + expected.len()) };
                assert_eq!(position(&page), (from as i64, to as i64, json!(5)));
            }
        }
        let uncounted = caller.get("/v1/chats?limit=2&offset=3&skip_count=true").await.expect(200);
        assert_eq!(ids(&uncounted), order[3..]);
        assert_eq!(position(&uncounted), (4, 5, Value::Null));
    }
    let request = pb::ListChatsRequest { limit: Some(2), offset: Some(1), ..Default::default() };
    let answer = world.grpc_chat().list_chats(request).await.expect("a page").into_inner();
    assert_eq!((answer.from, answer.to, answer.count), (2, 3, Some(5)));
    let other = world.rest().with("x-phone", &world.org.numbers[1]).get("/v1/chats").await.expect(200);
    assert_eq!(other.text(), r#"{"from":0,"to":0,"count":0,"chats":[]}"#);
}

#[tokio::test]
async fn chats_are_listed_by_assignee_closed_and_archived() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    let id = |index: usize| chats[index].id.clone();
    let agent = world.org.members[0].clone();
    for index in [0, 3] {
        world.rest().patch(&chats[index], json!({"assigned_to": agent})).await.expect(200);
    }
    for index in [1, 3] {
        let closed =
            world.rest().send("POST", format!("/v1/chats/{}/close", id(index)), "").await.expect(200);
        assert!(closed.json()["closed_at"].is_string());
        let again = world.rest().send("POST", format!("/v1/chats/{}/close", id(index)), "").await.expect(200);
        assert_eq!(again.json(), closed.json());
    }
    let path = format!("/api/v1/sessions/{}/chats/{}", world.org.sessions[0], chats[2].jid);
    world.rest().patch(path, json!({"archived": true})).await.expect(200);
    for caller in [world.rest(), world.rest().with("x-phone", &world.org.numbers[0])] {
        for (query, expected) in [
            (format!("?assigned_to={agent}"), vec![id(0), id(3)]),
            (format!("?assigned_to={}", agent.to_uppercase()), vec![id(0), id(3)]),
            ("?assigned_to=none".to_owned(), vec![id(1), id(2), id(4)]),
            ("?assigned_to=nobody@acme.example".to_owned(), vec![]),
            ("?closed=true".to_owned(), vec![id(1), id(3)]),
            (format!("?closed=false&assigned_to={agent}"), vec![id(0)]),
            ("?archived=true".to_owned(), vec![id(2)]),
            ("?archived=false&assigned_to=none&closed=false".to_owned(), vec![id(4)]),
        ] {
            let page = caller.get(format!("/v1/chats{query}")).await.expect(200);
            assert_eq!(ids(&page), expected, "{query}");
            assert_eq!(page.json()["count"], expected.len(), "{query}");
        }
    }
    let reopened = world.rest().send("POST", format!("/v1/chats/{}/reopen", id(1)), "").await.expect(200);
    assert_eq!(reopened.json()["closed_at"], Value::Null);
    assert_eq!(listed(&world.rest(), "?closed=true").await, [id(3)]);
    let refused = world.rest().get("/v1/chats?assigned_to=agent").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("must be an email address or none"), "{}", refused.text());
}

#[tokio::test]
async fn chat_list_filters_combine() {
    let world = World::start().await;
    let chats = five_chats(&world).await;
    let id = |index: usize| chats[index].id.clone();
    let group = json!({"session": world.org.numbers[0], "chat": {"jid": "120363300000000001@g.us", "type": "group", "name": "All"}});
    let firm = json!({"session": world.org.numbers[0], "chat": {"jid": chats[4].jid, "type": "business"}});
    world.import(&world.org, &[group, firm]);
    for index in [0, 1, 4] {
        world.rest().patch(&chats[index], json!({"labels": "Élan, other"})).await.expect(200);
    }
    let label = world.rest().get(&chats[0]).await.expect(200).json();
    let label = label["label_ids"].as_object().expect("labels").keys().cloned().collect::<Vec<_>>();
    let read = json!({"session": world.org.numbers[0], "read": {"chat": chats[1].jid, "upTo": millis(5)}});
    world.import(&world.org, &[read]);
    for caller in [world.rest(), world.rest().with("x-phone", &world.org.numbers[0])] {
        assert_eq!(listed(&caller, "?chat_type=group").await, ["120363300000000001@g.us"]);
        assert_eq!(listed(&caller, "?chat_type=business").await, [id(4)]);
        let users = [id(1), id(2), id(0), id(3)];
        assert_eq!(listed(&caller, "?chat_type=user").await, users);
        assert_eq!(listed(&caller, "?chat_type=individual").await, users);
        for label in [label[0].as_str(), label[1].as_str(), "e%CC%81LAN", "other"] {
            assert_eq!(listed(&caller, &format!("?label={label}")).await, [id(1), id(0), id(4)], "{label}");
        }
        assert_eq!(listed(&caller, "?label=nobody").await, Vec::<String>::new());
        assert_eq!(listed(&caller, "?unread=true").await, [id(2), id(0)]);
        assert_eq!(listed(&caller, "?unread=false&chat_type=user").await, [id(1), id(3)]);
        assert_eq!(listed(&caller, "?start_time=2026-01-01T00:05:00Z").await, [id(1), id(2)]);
        assert_eq!(listed(&caller, "?end_time=2026-01-01T00:05:00%2B00:00").await, [id(0)]);
        assert_eq!(
            listed(&caller, "?start_time=2026-01-01&end_time=9999-12-31").await,
            listed(&caller, "?start_time=0001-01-01&end_time=9999-12-31T23:59:59Z").await,
        );
        assert_eq!(
            listed(&caller, "?start_time=2026-01-01&end_time=2026-01-02").await,
            [id(1), id(2), id(0)]
        );
        assert_eq!(listed(&caller, "?start_time=2026-01-02").await, Vec::<String>::new());
        let both = caller.get("/v1/chats?label=other&unread=true&offset=0&limit=1").await.expect(200);
        assert_eq!((ids(&both), position(&both)), (vec![id(0)], (1, 1, json!(1))));
        let last = caller.get("/v1/chats?label=other&offset=2").await.expect(200);
        assert_eq!((ids(&last), position(&last)), (vec![id(4)], (3, 3, json!(3))));
    }
}

#[tokio::test]
async fn list_parameter_out_of_range_returns_422_with_value() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let lists = ["/v1/chats".to_owned(), "/v1/chats/messages".to_owned(), format!("{}/messages", chat.path)];
    for path in &lists {
        for (query, field, value) in [
            ("limit=2001", "limit", 2001),
            ("limit=0", "limit", 0),
            ("limit=-1", "limit", -1),
            ("offset=-1", "offset", -1),
        ] {
            let answer = world.rest().get(format!("{path}?{query}")).await.expect(422).json();
            assert_eq!(answer["fields"][field]["value"], value, "{path} {query}: {answer}");
            assert!(answer["fields"][field]["message"].as_str().is_some_and(|text| text.starts_with(field)));
        }
        for query in ["limit=2000", "limit=1&offset=9223372036854775807", "offset=0"] {
            world.rest().get(format!("{path}?{query}")).await.expect(200);
        }
    }
    for (path, query, field) in [
        (&lists[0], "chat_type=channel", "chat_type"),
        (&lists[0], "unread=maybe", "unread"),
        (&lists[0], "start_time=yesterday", "start_time"),
        (&lists[0], "end_time=2026-02-30", "end_time"),
        (&lists[0], "end_time=-009999-01-01", "end_time"),
        (&lists[1], "start_time=next%20week", "start_time"),
        (&lists[1], "end_time=2026-01-01T00:00:00[Europe/Paris]", "end_time"),
    ] {
        let answer = world.rest().get(format!("{path}?{query}")).await.expect(422).json();
        assert!(answer["fields"][field]["message"].is_string(), "{query}: {answer}");
    }
}
