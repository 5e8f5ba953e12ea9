//! Marking chats read and unread: idempotent, and consistent with ingested read marks.

use serde_json::{Value, json};
use switchboard::pb::MarkChatReadRequest;
use tonic::{Code, Request};

use crate::support::{Chat, Rest, World};

/// Imports an incoming message that was sent at that second.
fn arrive(world: &World, chat: &Chat, id: &str, second: i64) {
    let message =
        json!({"id": id, "chat": chat.jid, "fromMe": false, "timestamp": second * 1000, "body": "hello"});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
}

async fn mark(rest: &Rest, chat: &Chat, state: &str) -> Value {
    rest.send("POST", format!("{}/{state}", chat.session_path), "").await.expect(200).json()
}

async fn unread(rest: &Rest, chat: &Chat) -> i64 {
    rest.get(&chat.session_path).await.expect(200).json()["unreadCount"].as_i64().expect("a count")
}

#[tokio::test]
async fn late_older_message_leaves_a_read_chat_read() {
    let world = World::shared().await;
    let (rest, chat) = (world.rest(), world.chat("Alice").await);
    arrive(world, &chat, "M1", 100);
    arrive(world, &chat, "M3", 300);
    assert_eq!(unread(&rest, &chat).await, 2);
    let read = mark(&rest, &chat, "read").await;
    assert_eq!(read["unreadCount"], 0);
    assert_eq!(read, rest.get(&chat.session_path).await.expect(200).json());
    assert_eq!(rest.get(&chat).await.expect(200).json()["message_unread_count"], 0);
    arrive(world, &chat, "M2", 200);
    assert_eq!(unread(&rest, &chat).await, 0, "older than the read mark");
    arrive(world, &chat, "M4", 400);
    assert_eq!(unread(&rest, &chat).await, 1);
}

#[tokio::test]
async fn mark_unread_counts_at_least_one() {
    let world = World::shared().await;
    let (rest, chat) = (world.rest(), world.chat("Alice").await);
    arrive(world, &chat, "M1", 100);
    assert_eq!(mark(&rest, &chat, "unread").await["unreadCount"], 1, "it was unread");
    arrive(world, &chat, "M2", 200);
    assert_eq!(mark(&rest, &chat, "unread").await["unreadCount"], 2, "more than one may be");
    mark(&rest, &chat, "read").await;
    assert_eq!(mark(&rest, &chat, "unread").await["unreadCount"], 1);
    arrive(world, &chat, "M3", 300);
    assert_eq!(unread(&rest, &chat).await, 1, "messages, and at least one");
    arrive(world, &chat, "M4", 400);
    assert_eq!(unread(&rest, &chat).await, 2);
    let up_to = json!({"session": world.org.numbers[0], "read": {"chat": chat.jid, "upTo": 400_000}});
    world.import(&world.org, &[up_to]);
    assert_eq!(unread(&rest, &chat).await, 0, "read on the phone");
}

#[tokio::test]
async fn marking_is_idempotent() {
    let world = World::start().await;
    let (rest, chat) = (world.rest(), world.chat("Alice").await);
    arrive(&world, &chat, "M1", 100);
    for how in ["read", "unread", "read"] {
        let path = format!("{}/{how}", chat.session_path);
        let first = rest.send("POST", &path, "").await.expect(200);
        let stored = world.sql().fingerprint();
        for body in ["", "{}"] {
            let again = rest.json("POST", &path, body).await.expect(200);
            assert_eq!((again.json(), again.header("etag")), (first.json(), first.header("etag")), "{how}");
        }
        assert_eq!(world.sql().fingerprint(), stored, "{how}");
    }
    // A chat without any message has nothing to read.
    let empty = world.chat("Bob").await;
    assert_eq!(mark(&rest, &empty, "read").await["unreadCount"], 0);
    assert_eq!(mark(&rest, &empty, "unread").await["unreadCount"], 1);
}

#[tokio::test]
async fn read_state_is_per_session() {
    let world = World::shared().await;
    let (rest, chat) = (world.rest(), world.chat("Alice").await);
    let [first, second] = &world.org.numbers;
    for number in [first, second] {
        let message = json!({"id": "M1", "chat": chat.jid, "fromMe": false, "timestamp": 100_000});
        world.import(&world.org, &[json!({"session": number, "message": message})]);
    }
    mark(&rest, &chat, "read").await;
    let other = format!("/api/v1/sessions/{}/chats/{}", world.org.sessions[1], chat.jid);
    assert_eq!(rest.get(&other).await.expect(200).json()["unreadCount"], 1);

    let missing = world.missing_chat_of(&world.org);
    let nowhere = Chat::new(&chat.digits, "01J9ZX8K2QHV0M3T6R7P4N5W8C");
    for how in ["read", "unread"] {
        for (chat, message) in [(&missing, "chat not found"), (&nowhere, "session not found")] {
            let answer =
                rest.send("POST", format!("{}/{how}", chat.session_path), "").await.expect(404).json();
            assert_eq!(answer["error"]["message"], message);
        }
    }
}

#[tokio::test]
async fn chat_api_marks_read_for_the_selected_number() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let message = |number: usize, minute: u64| {
        let message = json!({"id": format!("M{minute}"), "chat": chat.jid, "fromMe": false, "timestamp": minute * 60_000});
        json!({"session": world.org.numbers[number], "message": message})
    };
    world.import(&world.org, &[message(0, 1), message(0, 2), message(1, 3)]);
    let through = |number: usize| world.rest().with("x-phone", &world.org.numbers[number]);
    let read = format!("{}/read", chat.path);
    let count =
        async |number| through(number).get(&chat).await.expect(200).json()["message_unread_count"].clone();
    assert_eq!((count(0).await, count(1).await), (json!(2), json!(1)));
    let marked = through(0).send("POST", &read, "").await.expect(200);
    assert_eq!(marked.json(), through(0).get(&chat).await.expect(200).json());
    assert_eq!((count(0).await, count(1).await), (json!(0), json!(1)));
    assert_eq!(through(0).send("POST", &read, "").await.expect(200).body, marked.body);
    // Without a number, the session with the newest activity.
    let marked = world.rest().json("POST", &read, "{}").await.expect(200).json();
    assert_eq!(
        (&marked["org_phone"], &marked["message_unread_count"]),
        (&json!(format!("{}@c.us", world.org.numbers[1])), &json!(0))
    );
    assert_eq!(count(1).await, 0);
    let missing = world.missing_chat_of(&world.org);
    world.rest().send("POST", format!("{}/read", missing.path), "").await.expect(404);
}

#[tokio::test]
async fn mark_read_over_grpc_honours_if_match() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    arrive(world, &chat, "M1", 100);
    let etag = world.rest().get(&chat).await.expect(200).header("etag").to_owned();
    let mut client = world.grpc_chat();
    let mut mark = async |etag: &str| {
        let mut request = Request::new(MarkChatReadRequest { chat_id: chat.id.clone() });
        request.metadata_mut().insert("if-match", etag.parse().expect("a header value"));
        client.mark_chat_read(request).await
    };
    assert_eq!(mark("\"other\"").await.expect_err("another version").code(), Code::Aborted);
    assert_eq!(unread(&world.rest(), &chat).await, 1);
    mark(&etag).await.expect("this version");
    assert_eq!(unread(&world.rest(), &chat).await, 0);
    assert_eq!(mark(&etag).await.expect_err("it has changed").code(), Code::Aborted);
}
