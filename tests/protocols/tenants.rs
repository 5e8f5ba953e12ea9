//! What one organization holds of the service leaves enough for others.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::samples::{self, Ids};
use crate::support::{Chat, Http2, Method, Org, World, frame, memory, methods, unfinished, until, whole};

const RESOURCE_EXHAUSTED: i32 = 8;

/// A group with that many members.
pub(super) async fn group(world: &World, org: &Org, members: usize) -> Chat {
    let person = |number: usize| format!("{}@c.us", 15_550_200_000 + number);
    let contacts =
        (0..members).map(|number| json!({"session": org.numbers[0], "contact": {"id": person(number), "name": "x".repeat(60)}}));
    world.import(org, &contacts.collect::<Vec<_>>());
    let members: Vec<_> = (0..members).map(|number| json!({"id": person(number)})).collect();
    let id = "120363000000000001@g.us";
    let group = json!({"jid": id, "type": "group", "name": "Everyone", "members": members});
    world.import(org, &[json!({"session": org.numbers[0], "chat": group})]);
    let session_path = format!("/api/v1/sessions/{}/chats/{id}", org.sessions[0]);
    let path = format!("/v1/chats/{id}");
    Chat { id: id.into(), jid: id.into(), digits: "120363000000000001".into(), path, session_path }
}

#[tokio::test]
async fn unfinished_requests_hold_no_places_and_are_bounded_in_time() {
    let args = ["--max-concurrent-requests", "8", "--request-timeout", "4s"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(world.address()).await.expect("connected");
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{{\"labels\":",
            chat.path, world.org.key
        );
        client.write_all(head.as_bytes()).await.expect("sent");
        slow.push(client);
    }
    let (client, connection) = Http2::open(world.address()).await;
    let calls = (0..40).map(|_| {
        let (client, key) = (client.clone(), world.org.key.clone());
        let body = unfinished(frame(b"half of a message")[..9].to_vec());
        tokio::spawn(
            async move { client.grpc("/switchboard.v1.ChatService/GetChat", &key, body).await.err() },
        )
    });
    let calls: Vec<_> = calls.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let theirs = world.anonymous().token(&world.other.key);
    for _ in 0..20 {
        theirs.get(&others).await.expect(200);
        world.rest().get(&chat).await.expect(200);
    }
    for mut client in slow {
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 504");
    }
    for call in calls {
        assert_eq!(call.await.expect("a call"), Some(4), "DEADLINE_EXCEEDED");
    }
    connection.abort();
}

/// A request without filters for a stream of changes.
fn watch_request(method: &Method, ids: &Ids) -> Value {
    match method.input.get_field_by_name("session_id") {
        Some(_) => json!({"session_id": ids.session}),
        None => json!({}),
    }
}

#[tokio::test]
async fn every_kind_of_stream_is_limited_per_key_and_organization() {
    let world =
        World::start_with("127.0.0.1:0", &["--key-stream-limit", "2", "--org-stream-limit", "3"]).await;
    let ids = Ids::of(&world.org, world.chat("Alice").await);
    let others = Ids::of(&world.other, world.chat_of(&world.other, "Bob").await);
    let streams: Vec<_> = methods().into_iter().filter(|method| method.streams()).collect();
    assert!(streams.len() >= 4, "the descriptors have the streams");
    for method in streams {
        let key = |org: &Org| world.database.create_key(&org.id, &method.capability, &[]);
        let (first, second, theirs) = (key(&world.org), key(&world.org), key(&world.other));
        let (client, connection) = Http2::open(world.address()).await;
        let open = async |ids: &Ids, key: &str| {
            let body = match method.reads_stream {
                true => unfinished(Vec::new()),
                false => whole(samples::wire(&method, &watch_request(&method, ids))),
            };
            client.grpc(&method.path, key, body).await
        };
        let what = &method.path;
        let held = [open(&ids, &first).await, open(&ids, &first).await, open(&others, &theirs).await];
        assert!(held.iter().all(Result::is_ok), "{what}: {held:?}");
        assert_eq!(open(&ids, &first).await.err(), Some(RESOURCE_EXHAUSTED), "{what}: the key's limit");
        let third = open(&ids, &second).await;
        assert!(third.is_ok(), "{what}: {third:?}");
        assert_eq!(open(&ids, &second).await.err(), Some(RESOURCE_EXHAUSTED), "{what}: the organization's");
        for binding in &method.bindings {
            let (path, body) = samples::rest(binding, &watch_request(&method, &ids));
            let caller = world.anonymous().token(&second);
            caller.json(&binding.method, path, body).await.expect(429);
        }
        let fourth = open(&others, &theirs).await;
        assert!(fourth.is_ok(), "{what}: another organization has its own: {fourth:?}");
        drop((held, third, fourth));
        connection.abort();
        until("ended streams do not count", async || {
            let (client, connection) = Http2::open(world.address()).await;
            let body = match method.reads_stream {
                true => unfinished(Vec::new()),
                false => whole(samples::wire(&method, &watch_request(&method, &ids))),
            };
            let is_open = client.grpc(&method.path, &second, body).await.is_ok();
            connection.abort();
            is_open
        })
        .await;
    }
}

#[tokio::test]
async fn streams_without_token_are_limited_together() {
    let world = World::start_with("127.0.0.1:0", &["--org-stream-limit", "3"]).await;
    let chat = world.chat("Alice").await;
    let (client, connection) = Http2::open(world.address()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(
            client.grpc("/grpc.health.v1.Health/Watch", "", whole(frame(b""))).await.expect("a stream"),
        );
    }
    for path in [
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let refused = client.grpc(path, "", unfinished(Vec::new())).await;
        assert_eq!(refused.err(), Some(RESOURCE_EXHAUSTED), "{path}");
    }
    world.rest().get(&chat).await.expect(200);
    assert!(client.grpc("/grpc.health.v1.Health/Check", "", whole(frame(b""))).await.is_ok());
    connection.abort();
}

#[tokio::test]
async fn unread_responses_are_limited_per_organization() {
    let world = World::start_with("127.0.0.1:0", &["--max-in-flight-bytes", "2MiB"]).await;
    let large = group(&world, &world.org, 2000).await;
    let others = world.chat_of(&world.other, "Bob").await;
    let whole_size = world.rest().get(&large).await.expect(200).body.len();
    assert!(whole_size > 400_000, "{whole_size}");
    let (client, connection) = Http2::open(world.address()).await;
    let token = format!("Bearer {}", world.org.key);
    let mut unread = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let response = client.send("GET", &large.path, &[("authorization", &token)], whole("")).await;
        statuses.push(response.status().as_u16());
        unread.push(response);
    }
    assert!(statuses.contains(&200) && statuses.ends_with(&[429; 10]), "{statuses:?}");
    let held: usize = statuses.iter().filter(|status| **status == 200).count() * whole_size;
    assert!(held < 3 << 19, "{held} bytes of 2 MiB");
    let theirs = world.anonymous().token(&world.other.key);
    for _ in 0..20 {
        theirs.get(&others).await.expect(200);
    }
    drop(unread);
    connection.abort();
    until("unread bytes are returned", async || world.rest().get(&large).await.status == 200).await;
}

#[tokio::test]
async fn rejected_requests_are_logged_by_rate_with_key_and_organization() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let reader = world.key("read").await;
    let begun = std::time::Instant::now();
    for _ in 0..150 {
        world.anonymous().token("sb_made_up").get(&chat).await.expect(401);
    }
    world.anonymous().token(&reader).patch(&chat, json!({"labels": "vip"})).await.expect(403);
    let seconds = begun.elapsed().as_secs() as usize + 2;
    let log = world.log();
    let refused = |status: &str| {
        log.lines().filter(|line| line.contains("\"refused\"") && line.contains(status)).count()
    };
    assert!((20..=20 * seconds).contains(&refused("\"status\":401")), "{seconds} s\n{log}");
    let id = reader.split('_').nth(1).expect("a key has an id");
    let line = log.lines().find(|line| line.contains("\"status\":403")).expect("a line");
    assert!(line.contains(&format!("\"key\":\"{id}\"")), "{line}");
    assert!(line.contains(&format!("\"org\":\"{}\"", world.org.id)), "{line}");
}

#[tokio::test]
async fn large_chats_end_a_page_early_and_take_little_memory() {
    const CHATS: usize = 200;
    let world = World::start().await;
    let id = |number: usize| format!("{}@c.us", 15_550_101_000 + number);
    let chats = (0..CHATS).map(|number| {
        json!({"session": world.org.numbers[0], "chat": {"jid": id(number), "type": "dm", "name": "Large"}})
    });
    world.import(&world.org, &chats.collect::<Vec<_>>());
    let values = format!(
        "INSERT INTO chat_properties (org_id, chat_key, property_id, value)
         SELECT org_id, chat_key, '{}', to_jsonb(repeat('x', 250000)) FROM chats WHERE name = 'Large'",
        world.org.note
    );
    world.sql().run_as(&world.org.id, &values);
    world.rest().get("/v1/chats?limit=1").await.expect(200);
    let before = memory(world.process_id(), "VmHWM");
    let (mut offset, mut ids) = (0, Vec::new());
    while offset < CHATS {
        let page = world.rest().get(format!("/v1/chats?limit=2000&offset={offset}")).await.expect(200);
        assert!(page.body.len() < 4 << 20, "{}", page.body.len());
        let page = page.json();
        assert_eq!(
            (page["from"].as_u64(), page["count"].as_u64()),
            (Some(offset as u64 + 1), Some(CHATS as u64))
        );
        ids.extend(page["chats"].as_array().expect("chats").iter().map(|chat| chat["chat_id"].to_string()));
        offset = usize::try_from(page["to"].as_u64().expect("a position")).expect("a small number");
        assert_eq!(ids.len(), offset);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), CHATS);
    // All chats together have 50 MB.
    let added = memory(world.process_id(), "VmHWM") - before;
    assert!(added < 24 << 10, "{added} KiB");
}

#[tokio::test]
async fn large_pages_end_early_and_tell_where_the_next_one_begins() {
    const MESSAGES: i64 = 100;
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let message = |number: i64| {
        let body = format!("large {number} {}", "x".repeat(60_000));
        let message = json!({"id": format!("M{number}"), "chat": chat.jid, "fromMe": false, "timestamp": 1_000 + number, "body": body});
        json!({"session": world.org.numbers[0], "message": message})
    };
    world.import(&world.org, &(0..MESSAGES).map(message).collect::<Vec<_>>());
    for path in ["/v1/chats/messages".to_owned(), format!("{}/messages", chat.path)] {
        let (mut offset, mut ids) = (0, Vec::new());
        while offset < MESSAGES {
            let page = world.rest().get(format!("{path}?offset={offset}")).await.expect(200);
            assert!(page.body.len() < 4 << 20, "{}", page.body.len());
            let page = page.json();
            assert_eq!((page["from"].as_i64(), page["count"].as_i64()), (Some(offset + 1), Some(MESSAGES)));
            let messages = page["messages"].as_array().expect("messages");
            ids.extend(messages.iter().map(|message| message["unique_id"].clone()));
            offset = page["to"].as_i64().expect("a position");
            assert_eq!(ids.len() as i64, offset, "{path}");
        }
        ids.dedup();
        assert_eq!(ids.len() as i64, MESSAGES, "{path}");
    }
    let (mut cursor, mut count) = (String::new(), 0);
    loop {
        let path = format!("{}/messages?limit=200&cursor={cursor}", chat.session_path);
        let page = world.rest().get(path).await.expect(200);
        assert!(page.body.len() < 4 << 20, "{}", page.body.len());
        let page = page.json();
        count += page["data"].as_array().expect("messages").len() as i64;
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(count, MESSAGES);
    // The default message limit of gRPC clients is 4 MiB.
    let request = switchboard::pb::ListMessagesRequest::default();
    let page = world.grpc_chat().list_messages(request).await.expect("a page").into_inner();
    assert!(page.to > 10 && page.to < MESSAGES, "{}", page.to);
}
