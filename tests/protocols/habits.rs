//! What callers commonly send, or leave out: spellings, times, slashes, compressed requests.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::{Chat as ChatMessage, GetChatRequest};

use crate::support::{Protocol, Rest, World, frame};

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("gzip")
}

#[tokio::test]
async fn json_is_accepted_with_any_spelling_of_its_charset() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for charset in ["utf-8", "UTF-8", "utf8", "UTF8", "\"utf-8\"", "'UTF-8'", "utf_8", "us-ascii"] {
        for parameter in [format!("; charset={charset}"), format!(";Charset={charset}")] {
            let caller = world.rest().with("content-type", format!("application/json{parameter}"));
            caller.send("PATCH", &chat.path, r#"{"labels": "x"}"#).await.expect(200);
        }
    }
    let caller = world.rest().with("content-type", "application/json; charset=utf-16");
    caller.send("PATCH", &chat.path, r#"{"labels": "x"}"#).await.expect(415);
}

#[tokio::test]
async fn times_are_iso_8601_or_unix_times() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let message = json!({"session": world.org.numbers[0], "message": {"id": "A", "chat": chat.jid, "fromMe": false,
        "body": "hello", "timestamp": 1_737_976_000_500_i64}});
    world.import(&world.org, &[message]);
    let count = async |start: &str| {
        let page =
            world.rest().get(format!("/v1/chats/messages?start_time={start}")).await.expect(200).json();
        page["count"].as_i64()
    };
    for (start, found) in [
        ("1737976000", 1),
        ("1737976001", 0),
        ("1737976000500", 1),
        ("1737976000501", 0),
        ("2025-01-27T11:06:40Z", 1),
        ("2025-01-27T16:36:40%2B05:30", 1),
    ] {
        assert_eq!(count(start).await, Some(found), "{start}");
    }
    for (start, hint) in [("2025-01-27T16:36:40+05:30", "%2B"), ("soon", "ISO 8601"), ("-5", "ISO 8601")] {
        let answer = world.rest().get(format!("/v1/chats/messages?start_time={start}")).await.expect(422);
        let problem = answer.json()["fields"]["start_time"]["message"].to_string();
        assert!(problem.contains(hint), "{start}: {problem}");
    }
}

#[tokio::test]
async fn time_in_seconds_where_milliseconds_are_due_is_422() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for seconds in [json!(1_737_976_000), json!("1893456000")] {
        let answer = world.rest().patch(&chat.session_path, json!({"mutedUntil": seconds})).await.expect(422);
        assert!(answer.text().contains("looks like seconds"), "{}", answer.text());
    }
    world.rest().patch(&chat.session_path, json!({"mutedUntil": 1_893_456_000_000_i64})).await.expect(200);
}

#[tokio::test]
async fn slash_at_the_end_of_a_path_is_ignored() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    for path in [&chat.path, &chat.session_path, "/v1/chats", "/openapi.json", "/readyz"] {
        let plain = world.rest().get(path).await.expect(200);
        let slash = world.rest().get(format!("{path}/")).await.expect(200);
        assert_eq!(slash.body, plain.body, "{path}");
    }
    let page = world.rest().get("/v1/chats/?limit=1").await.expect(200).json();
    assert_eq!(page["chats"].as_array().map(Vec::len), Some(1));
    world.rest().patch(format!("{}/", chat.path), json!({"labels": "slash"})).await.expect(200);
    world.rest().get(format!("{}//", chat.path)).await.expect(404);
}

#[tokio::test]
async fn root_leads_people_and_programs_on() {
    let world = World::shared().await;
    let browser = world.anonymous().with("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = browser.get("/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.text().contains("href=\"inbox\"") && page.text().contains("href=\"docs\""),
        "{}",
        page.text()
    );
    let links = world.anonymous().get("/").await.expect(200);
    assert!(links.header("content-type").starts_with("application/json"));
    for link in links.json()["links"].as_object().expect("links").values().filter_map(Value::as_str) {
        world.anonymous().get(link).await.expect(200);
    }
    for answer in [page, links] {
        assert!(answer.headers.get_all("vary").iter().any(|name| name.to_str().unwrap().contains("accept")));
    }
}

#[tokio::test]
async fn unserved_routes_of_the_vendor_are_unknown_paths() {
    let world = World::shared().await;
    for (method, path) in [
        ("GET", "/v1/chats/notifications"),
        ("POST", "/v1/chats/create"),
        ("DELETE", "/v1/chats/notifications"),
        ("PATCH", "/v1/chats/custom-properties"),
        ("GET", "/v1/chats/notifications/messages"),
        ("POST", "/v1/broadcasts"),
        ("POST", "/v1/message/broadcast"),
        ("GET", "/v1/queue/jobs"),
        ("DELETE", "/v1/queue/purge"),
        ("GET", "/v1/tickets"),
    ] {
        for caller in [world.rest(), world.anonymous()] {
            let answer = caller.json(method, path, "{}").await.expect(404);
            assert_eq!(answer.json()["message"], "no such path", "{method} {path}");
            assert_eq!(answer.header("allow"), "");
        }
    }
    let known = world.rest().send("GET", "/v1/chats/labels", "").await.expect(405);
    assert_eq!(known.header("allow"), "OPTIONS, PATCH");
}

#[tokio::test]
async fn gzip_request_is_accepted_within_the_size_limit() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let caller = world.rest().with("content-type", "application/json").with("content-encoding", "gzip");
    let send = async |body: Vec<u8>| caller.send("PATCH", &chat.path, body).await;
    assert_eq!(send(gzip(br#"{"labels": "packed"}"#)).await.expect(200).json()["labels"], json!(["packed"]));
    let spaces = |count: usize| gzip(format!("{{\"labels\": \"x\"{}}}", " ".repeat(count)).as_bytes());
    send(spaces(1 << 19)).await.expect(200);
    send(spaces(1 << 20)).await.expect(413);
    send(spaces(100 << 20)).await.expect(413);
    for broken in [br#"{"labels": "x"}"#.to_vec(), gzip(b"{}")[..10].to_vec()] {
        let answer = send(broken).await.expect(422);
        assert!(answer.text().contains("gzip"), "{}", answer.text());
    }
    for encoding in ["br", "gzip, gzip", "deflate"] {
        let caller = world.rest().with("content-type", "application/json").with("content-encoding", encoding);
        caller.send("PATCH", &chat.path, gzip(b"{}")).await.expect(415);
    }
}

/// A compressed message as it goes over the wire.
pub(super) fn compressed(message: &[u8]) -> Vec<u8> {
    let mut framed = frame(&gzip(message));
    framed[0] = 1;
    framed
}

#[tokio::test]
async fn gzip_grpc_message_is_accepted_within_the_size_limit() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let request = |id: &str| GetChatRequest { chat_id: id.to_owned() }.encode_to_vec();
    let path = "/switchboard.v1.ChatService/GetChat";
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let caller = world.rpc(protocol).with("grpc-encoding", "gzip");
        let code = async |body: Vec<u8>| caller.call(path, body).await.code;
        let answer = caller.call(path, compressed(&request(&chat.id))).await;
        let found = ChatMessage::decode(answer.messages.first().expect("a message").clone()).expect("a chat");
        assert_eq!((answer.code, found.chat_id), (Some(0), chat.id.clone()), "{protocol:?}");
        // A message may be uncompressed all the same.
        assert_eq!(code(frame(&request(&chat.id))).await, Some(0));
        assert_eq!(code(compressed(&request(&"1".repeat(2 << 20)))).await, Some(8), "{protocol:?}");
        let mut broken = frame(b"not gzip");
        broken[0] = 1;
        assert_eq!(code(broken).await, Some(3), "{protocol:?}");
    }
}

#[tokio::test]
async fn web_text_request_may_have_several_padded_pieces() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let framed = frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec());
    let caller = world.rpc(Protocol::GrpcWeb).with("content-type", "application/grpc-web-text");
    let path = "/switchboard.v1.ChatService/GetChat";
    for size in [1, 2, 4, 5, framed.len()] {
        let text: String = framed.chunks(size).map(|piece| STANDARD.encode(piece)).collect();
        let answer = caller.call(path, text).await;
        assert_eq!(answer.code, Some(0), "pieces of {size}: {answer:?}");
    }
    for broken in ["A", "****", "AAAAAA"] {
        assert_eq!(caller.call(path, broken).await.code, Some(3), "{broken}");
    }
}

#[tokio::test]
async fn unknown_phone_is_named_in_the_error() {
    let world = World::shared().await;
    let chat = world.chat("Alice").await;
    let other = world.rest().with("x-phone", &world.other.numbers[0]);
    let unknown = world.rest().with("x-phone", "15550199999");
    let of_chat = ["", "/messages", "/audit-logs", "/notes", "/messages/true_x_A/reactions"];
    let of_chat = of_chat.map(|part| format!("{}{part}", chat.path));
    let of_all = [
        "/v1/chats",
        "/v1/chats:count",
        "/v1/chats/messages",
        "/v1/chats/messages:search?query=x",
        "/v1/note",
    ];
    let message = |answer: crate::support::Answer| answer.expect(404).json()["message"].clone();
    for caller in [&unknown, &other] {
        for path in of_chat.iter().map(String::as_str).chain(of_all) {
            assert_eq!(message(caller.get(path).await), "phone not found", "{path}");
        }
        assert_eq!(message(caller.patch(&chat, json!({"labels": "x"})).await), "phone not found");
        assert_eq!(message(caller.json("POST", format!("{}/read", chat.path), "").await), "phone not found");
    }
    // A known number that does not hold the chat.
    let second = world.rest().with("x-phone", &world.org.numbers[1]);
    for path in &of_chat {
        assert_eq!(message(second.get(path).await), "chat not found", "{path}");
    }
}

/// The responses with data, each with what selects it.
async fn private(world: &World, caller: &Rest) -> Vec<(&'static str, crate::support::Answer, &'static str)> {
    let chat = world.chat("Alice").await;
    vec![
        ("chat", caller.get(&chat).await.expect(200), "private, no-cache"),
        ("session chat", caller.get(&chat.session_path).await.expect(200), "private, no-cache"),
        ("list", caller.get("/v1/chats").await.expect(200), "no-store"),
        ("change", caller.patch(&chat, json!({"labels": "x"})).await.expect(200), "private, no-cache"),
        ("missing", caller.get("/v1/chats/15550199999@c.us").await.expect(404), "no-store"),
        ("rejected", world.anonymous().get(&chat).await.expect(401), "no-store"),
    ]
}

#[tokio::test]
async fn streams_are_private_and_selected_by_accept() {
    let world = World::shared().await;
    for accept in ["application/x-ndjson", "text/event-stream"] {
        let deadline = world.rest().with("grpc-timeout", "5S").with("accept", accept);
        let answer = deadline.get("/v1/chats:watch").await.expect(200);
        let vary: Vec<_> =
            answer.headers.get_all("vary").iter().filter_map(|name| name.to_str().ok()).collect();
        for name in ["accept", "authorization, x-api-key", "x-phone"] {
            assert!(vary.join(", ").split(", ").any(|one| name.starts_with(one)), "{name}: {vary:?}");
        }
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn responses_with_data_are_private() {
    let world = World::shared().await;
    for (what, answer, policy) in private(world, &world.rest()).await {
        assert_eq!(answer.header("cache-control"), policy, "{what}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        let vary: Vec<_> =
            answer.headers.get_all("vary").iter().filter_map(|names| names.to_str().ok()).collect();
        let vary = vary.join(", ");
        for name in ["authorization", "x-api-key", "accept-encoding"] {
            assert!(vary.contains(name), "{what}: {vary}");
        }
    }
    let chat = world.chat("Alice").await;
    let etag = world.rest().get(&chat).await.header("etag").to_owned();
    let same = world.rest().with("if-none-match", etag).get(&chat).await.expect(304);
    assert_eq!(same.header("cache-control"), "private, no-cache");
    assert!(same.header("vary").contains("authorization"), "{:?}", same.headers);
    // A cache sees an ordinary response of gRPC-Web.
    let path = "/switchboard.v1.ChatService/GetChat";
    let message = frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec());
    let callers = [
        (world.rpc(Protocol::GrpcWeb), "private, no-cache"),
        (world.anonymous_rpc(Protocol::GrpcWeb), "no-store"),
    ];
    for (caller, policy) in callers {
        let answer = caller.call(path, message.clone()).await;
        assert_eq!(answer.headers.get("cache-control").expect("a policy"), policy, "{answer:?}");
    }
    // Documents are public.
    assert_eq!(world.anonymous().get("/docs").await.header("cache-control"), "no-cache");
}
