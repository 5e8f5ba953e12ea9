//! Watches: complete and ordered, and resumable on any instance.

mod ends;
mod filters;
mod messages;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use serde_json::json;
use switchboard::pb::{ChatChange, WatchChatsRequest, WatchChatsResponse, WatchSessionChatsRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Streaming};

use crate::support::{Chat, Server, World, frame, in_time};

/// The next message, which may be a heartbeat.
pub async fn next<T>(watch: &mut Streaming<T>) -> T {
    in_time("a message", watch.message()).await.expect("no error").expect("no end")
}

/// The next message with a change, after any heartbeats.
pub async fn next_with_change(watch: &mut Streaming<WatchChatsResponse>) -> WatchChatsResponse {
    let waiting = async {
        loop {
            let message = next(watch).await;
            if message.change.is_some() {
                return message;
            }
        }
    };
    in_time("a change", waiting).await
}

/// The next change, after any heartbeats.
pub async fn next_change(watch: &mut Streaming<WatchChatsResponse>) -> ChatChange {
    next_with_change(watch).await.change.expect("a change")
}

/// A watch after its first message.
pub async fn watch(world: &World, request: WatchChatsRequest) -> Streaming<WatchChatsResponse> {
    let mut watch = world.grpc_chat().watch_chats(request).await.expect("a watch").into_inner();
    assert!(next(&mut watch).await.change.is_none(), "the first message is a heartbeat");
    watch
}

/// The bytes of a watch over HTTP.
struct Raw {
    stream: TcpStream,
    received: String,
}

impl Raw {
    async fn get(world: &World, path: &str, accept: &str) -> Self {
        Self::send(world, &format!("GET {path} HTTP/1.1\r\naccept: {accept}"), b"").await
    }

    async fn grpc_web(world: &World, request: WatchChatsRequest) -> Self {
        let head = "POST /switchboard.v1.ChatService/WatchChats HTTP/1.1\r\ncontent-type: application/grpc-web+proto";
        Self::send(world, head, &frame(&request.encode_to_vec())).await
    }

    async fn send(world: &World, head: &str, body: &[u8]) -> Self {
        let mut stream = TcpStream::connect(world.address()).await.expect("a connection");
        let (key, length) = (&world.org.key, body.len());
        let head = format!(
            "{head}\r\nhost: acme.example\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.expect("a request");
        Self { stream, received: String::new() }
    }

    /// Reads until the bytes contain the text.
    async fn until(&mut self, text: &str) -> &str {
        let mut buffer = [0; 4096];
        let reading = async {
            while !self.received.contains(text) {
                let length = self.stream.read(&mut buffer).await.expect("bytes");
                assert!(length > 0, "the end, and no {text} in {}", self.received);
                self.received.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        };
        in_time(text, reading).await;
        &self.received
    }
}

async fn archive(world: &World, chat: &Chat, archived: bool) {
    let answer = world.rest().patch(&chat.session_path, json!({"archived": archived})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn every_protocol_receives_a_change() {
    let world = World::start().await;
    let chat = world.chat("Watched").await;
    let mut grpc = watch(&world, WatchChatsRequest::default()).await;
    let mut lines = Raw::get(&world, "/v1/chats:watch", "*/*").await;
    assert!(lines.until("resume_token").await.contains("content-type: application/x-ndjson"));
    let session = format!("/api/v1/sessions/{}/chats:watch", world.org.sessions[0]);
    let mut events = Raw::get(&world, &session, "text/event-stream").await;
    assert!(events.until("resumeToken").await.contains("content-type: text/event-stream"));
    let mut web = Raw::grpc_web(&world, WatchChatsRequest::default()).await;
    assert!(web.until("200 OK").await.contains("content-type: application/grpc-web+proto"));

    archive(&world, &chat, true).await;
    let change = next_change(&mut grpc).await;
    let field = &change.changes[0];
    assert_eq!((change.chat_id, change.action.as_str()), (chat.id.clone(), "state"));
    assert_eq!(field.field, "is_archived");
    assert_eq!(change.org_phone, Some(format!("{}@c.us", world.org.numbers[0])));
    let expected = r#"{"field":"is_archived","previous":false,"current":true}"#;
    assert!(lines.until(expected).await.contains(&chat.id));
    let expected = r#"{"field":"archived","previous":false,"current":true}"#;
    let text = events.until(expected).await;
    assert!(text.contains("\r\nid: ") && text.contains("data: {") && text.contains(&chat.jid), "{text}");
    assert!(web.until("is_archived").await.contains(&chat.id));
}

#[tokio::test]
async fn limited_key_watches_only_its_sessions() {
    let world = World::start().await;
    let (visible, hidden) = (world.missing_chat_of(&world.org), world.chat("Hidden").await);
    let event = |archived| json!({"session": world.org.numbers[1], "chat": {"jid": visible.jid, "type": "dm", "archived": archived}});
    world.import(&world.org, &[event(false)]);
    let limited = ["key", "create", "--org", &world.org.id, "--name", "limited", "--can", "read"];
    let key = world.cli(&[&limited[..], &["--session", &world.org.sessions[1]]].concat());
    let request = |session: usize| WatchSessionChatsRequest {
        session_id: world.org.sessions[session].clone(),
        ..Default::default()
    };
    let mut client = world.grpc_session_as(&key);
    assert_eq!(
        client.watch_session_chats(request(0)).await.expect_err("another session").code(),
        Code::NotFound
    );
    let mut watch = client.watch_session_chats(request(1)).await.expect("a watch").into_inner();
    assert!(next(&mut watch).await.change.is_none());
    archive(&world, &hidden, true).await;
    assert_eq!(world.rest().patch(&hidden.path, json!({"labels": "hidden"})).await.status, 200);
    assert_eq!(world.rest().patch(&visible.path, json!({"labels": "shared"})).await.status, 200);
    world.import(&world.org, &[event(true)]);
    let mut changes = Vec::new();
    let receiving = async {
        while changes.len() < 2 {
            changes.extend(next(&mut watch).await.change.map(|change| (change.jid, change.action)));
        }
    };
    in_time("two changes", receiving).await;
    let jid = visible.jid.clone();
    assert_eq!(changes, [(jid.clone(), "labels".to_owned()), (jid, "state".to_owned())]);
}

/// Mutes the chats again and again until ever later times: several writers change each chat at the same time.
async fn mute_concurrently(world: &World, chats: &[Chat], writers: usize, rounds: usize) {
    let writer = |number: usize| async move {
        let caller = world.rest();
        for round in 0..rounds {
            let chat = &chats[(number + round) % chats.len()];
            let until = 4_000_000_000_000 + 1000 * (number * rounds + round);
            let answer = caller.patch(&chat.session_path, json!({"mutedUntil": until})).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    };
    futures_util::future::join_all((0..writers).map(writer)).await;
}

/// Changes that watches received: each once, and those of a chat in order.
#[derive(Default)]
struct Received {
    ids: BTreeSet<i64>,
    /// The id of each chat's last change, and the value after it.
    last: BTreeMap<String, (i64, Option<prost_types::Value>)>,
}

impl Received {
    fn add(&mut self, change: ChatChange) {
        assert!(self.ids.insert(change.id), "{} was received again", change.id);
        let field = change.changes.into_iter().next().expect("a field");
        if let Some((id, value)) = self.last.insert(change.chat_id, (change.id, field.current)) {
            assert!(id < change.id, "{id} before {}", change.id);
            assert_eq!(value, field.previous, "a change between {id} and {} is missing", change.id);
        }
    }

    /// Receives until there are that many changes. Returns the last resume token.
    async fn receive(&mut self, watch: &mut Streaming<WatchChatsResponse>, count: usize) -> String {
        loop {
            let message = next_with_change(watch).await;
            self.add(message.change.expect("a change"));
            if self.ids.len() >= count {
                return message.resume_token;
            }
        }
    }
}

#[tokio::test]
async fn concurrent_changes_are_received_once_and_in_order() {
    const WRITERS: usize = 16;
    const ROUNDS: usize = 125;
    let world = World::start().await;
    let mut chats = Vec::new();
    for number in 0..8 {
        chats.push(world.chat(&format!("Chat {number}")).await);
    }
    let only = || WatchChatsRequest { actions: vec!["state".to_owned()], ..Default::default() };
    let mut first = watch(&world, only()).await;
    let other: Server = world.another_server().await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", other.address)).expect("a URL");
    let mut client = switchboard::pb::chat_service_client::ChatServiceClient::new(channel.connect_lazy());

    // The first half from one instance, the rest from another.
    let receive = async {
        let (mut received, expected) = (Received::default(), WRITERS * ROUNDS);
        let resume_token = received.receive(&mut first, expected / 2).await;
        let mut request = tonic::Request::new(WatchChatsRequest { resume_token, ..only() });
        let bearer = format!("Bearer {}", world.org.key).parse().expect("a header value");
        request.metadata_mut().insert("authorization", bearer);
        let mut second = client.watch_chats(request).await.expect("a watch").into_inner();
        received.receive(&mut second, expected).await;
        received
    };
    let (received, ()) = tokio::join!(receive, mute_concurrently(&world, &chats, WRITERS, ROUNDS));
    let stored = world.sql().rows("SELECT event_id AS id FROM event_views WHERE kind = 'state'");
    let stored: BTreeSet<i64> = stored.iter().filter_map(|row| row["id"].as_i64()).collect();
    assert_eq!(received.ids, stored);
    // The numbers of a bucket have no gaps.
    let gaps = "event_heads h WHERE last <> (SELECT count(*) FROM events e WHERE e.org_id = h.org_id AND e.bucket = h.bucket)
        OR last <> (SELECT max(number) FROM events e WHERE e.org_id = h.org_id AND e.bucket = h.bucket)";
    assert_eq!(world.sql().count(gaps), 0);
}

#[tokio::test]
async fn idle_watch_receives_heartbeats() {
    let world = World::shared().await;
    let request =
        WatchSessionChatsRequest { session_id: world.org.sessions[1].clone(), ..Default::default() };
    let mut watch = world.grpc_session().watch_session_chats(request).await.expect("a watch").into_inner();
    for _ in 0..2 {
        assert!(!next(&mut watch).await.resume_token.is_empty());
    }
}
