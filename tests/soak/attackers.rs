//! What one connection of an attacker does until a deadline. Each returns the number of its requests.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use serde_json::json;
use switchboard::pb::{CommandsRequest, WatchChatsRequest, commands_request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::support::{Http2, Rest, UNAVAILABLE, frame, unfinished, whole};

/// The service, and what the attacker has in it.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub keys: Vec<String>,
    pub session: String,
    pub chat: String,
}

/// An attack by the connection of that number.
pub type Attack = fn(Target, usize, Instant) -> Pin<Box<dyn Future<Output = usize> + Send>>;

/// All attacks by name.
pub const ATTACKS: [(&str, Attack); 6] = [
    ("unfinished requests", |target, number, end| Box::pin(unfinished_requests(target, number, end))),
    ("streams", |target, number, end| Box::pin(streams(target, number, end))),
    ("unread pages", |target, number, end| Box::pin(unread_pages(target, number, end))),
    ("rows", |target, number, end| Box::pin(rows(target, number, end))),
    ("documents", |target, number, end| Box::pin(documents(target, number, end))),
    ("unknown login keys", |target, number, end| Box::pin(unknown_keys(target, number, end))),
];

/// Pause between the requests of a connection.
const PAUSE: Duration = Duration::from_millis(5);

impl Target {
    fn key(&self, number: usize) -> &str {
        &self.keys[number % self.keys.len()]
    }

    fn rest(&self, number: usize) -> Rest {
        Rest::new(self.address).token(self.key(number))
    }
}

/// Half of the connections send gRPC messages, half REST bodies, none of them to the end.
async fn unfinished_requests(target: Target, number: usize, end: Instant) -> usize {
    let mut made = 0;
    if number.is_multiple_of(2) {
        let (client, _connection) = Http2::open(target.address).await;
        while Instant::now() < end {
            let (client, key) = (client.clone(), target.key(number).to_owned());
            let body = unfinished(frame(b"half of a message")[..9].to_vec());
            tokio::spawn(async move {
                client.grpc("/switchboard.v1.ChatService/GetChat", &key, body).await.is_ok()
            });
            made += 1;
            sleep(PAUSE * 4).await;
        }
        return made;
    }
    let mut clients = Vec::new();
    while Instant::now() < end {
        let mut client = TcpStream::connect(target.address).await.expect("connected");
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{{\"labels\":",
            target.chat,
            target.key(number)
        );
        client.write_all(head.as_bytes()).await.expect("sent");
        clients.push(client);
        made += 1;
        sleep(PAUSE * 10).await;
    }
    made
}

/// Opens watches, and streams of commands that wait for a lease, as many as it gets.
async fn streams(target: Target, number: usize, end: Instant) -> usize {
    let (mut client, mut connection) = Http2::open(target.address).await;
    let open = commands_request::Open { session: target.session.clone(), sends: false };
    let commands = CommandsRequest { request: Some(commands_request::Request::Open(open)) }.encode_to_vec();
    let mut held = Vec::new();
    let mut made = 0;
    while Instant::now() < end {
        let key = target.key(number);
        let opened = match made % 3 {
            0 => {
                let watch = whole(frame(&WatchChatsRequest::default().encode_to_vec()));
                client.grpc("/switchboard.v1.ChatService/WatchChats", key, watch).await
            }
            1 => client.grpc("/switchboard.v1.IngestService/Ingest", key, unfinished(Vec::new())).await,
            _ => {
                client.grpc("/switchboard.v1.IngestService/Commands", key, unfinished(frame(&commands))).await
            }
        };
        if opened.as_ref().is_err_and(|code| *code == UNAVAILABLE) {
            connection.abort();
            (client, connection) = Http2::open(target.address).await;
        }
        held.extend(opened);
        made += 1;
        sleep(PAUSE).await;
    }
    made
}

/// Requests pages of large groups, five at a time on a connection, and reads none.
async fn unread_pages(target: Target, number: usize, end: Instant) -> usize {
    let token = format!("Bearer {}", target.key(number));
    let mut made = 0;
    while Instant::now() < end {
        let (client, connection) = Http2::open(target.address).await;
        let mut unread = Vec::new();
        for _ in 0..5 {
            let headers = [("authorization", token.as_str())];
            let page = client.send("GET", "/v1/chats?limit=40", &headers, whole(""));
            unread.extend(timeout_at(end, page).await.ok());
            made += 1;
        }
        sleep_until(end.min(Instant::now() + Duration::from_secs(2))).await;
        drop(unread);
        connection.abort();
    }
    made
}

/// Creates labels, property options and stored responses.
async fn rows(target: Target, number: usize, end: Instant) -> usize {
    let caller = target.rest(number);
    let mut made = 0;
    while Instant::now() < end {
        let name = format!("{number} {made}");
        match made % 3 {
            0 => {
                let label = json!({ "name": name }).to_string();
                caller.json("POST", "/api/v1/organization/labels", label).await;
            }
            1 => {
                let options: Vec<_> = (0..300).map(|option| format!("{option:0>99}")).collect();
                let property = json!({"name": name, "kind": "dropdown", "options": options}).to_string();
                caller.json("POST", "/api/v1/organization/properties", property).await;
            }
            _ => {
                let labels: Vec<_> = (0..50).map(|label| format!("{label:0>90}")).collect();
                let keyed = caller.with("idempotency-key", name.replace(' ', "-"));
                keyed.patch(&target.chat, json!({"labels": labels.join(",")})).await;
            }
        }
        made += 1;
        sleep(PAUSE).await;
    }
    made
}

/// HEAD of the largest document.
async fn documents(target: Target, _number: usize, end: Instant) -> usize {
    let caller = Rest::new(target.address);
    let mut made = 0;
    while Instant::now() < end {
        assert_eq!(caller.send("HEAD", "/docs/scalar.js", "").await.status, 200);
        made += 1;
        sleep(PAUSE).await;
    }
    made
}

/// Login tokens with unknown keys.
async fn unknown_keys(target: Target, number: usize, end: Instant) -> usize {
    let mut made = 0;
    while Instant::now() < end {
        let header = json!({"alg": "EdDSA", "kid": format!("{number} {made}")}).to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(&header), part("{}"), part("signature"));
        let answer = Rest::new(target.address).token(&token).get(&target.chat).await;
        assert!([401, 503].contains(&answer.status), "{}", answer.status);
        made += 1;
        sleep(PAUSE).await;
    }
    made
}
