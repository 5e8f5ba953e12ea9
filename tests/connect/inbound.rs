//! The inbound endpoint and the worker behind it, with signed webhooks of a WAHA server that nobody can reach.

mod flood;

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Answer, Rest, Server, World, until, until_within};

const SECRET: &str = "5f2b7c9a1d3e4f60a7b8c9d0";
const API_KEY: &str = "canary-of-the-api-key-77";

/// A service that may reach gateways on this machine.
pub async fn world() -> World {
    World::start_with("127.0.0.1:0", &["--connection-host", "127.0.0.1"]).await
}

pub async fn manager(world: &World) -> Rest {
    world.anonymous().token(&world.key("read,send,manage").await)
}

/// A connection of the second session to that gateway: its id and the path of its webhook.
pub async fn connect(world: &World, gateway: &str) -> (String, String) {
    let body = json!({
        "kind": "waha", "sessionId": world.org.sessions[1], "url": gateway, "apiKey": API_KEY, "webhookSecret": SECRET,
    });
    let made = manager(world).await.json("POST", "/api/v1/connections", body.to_string()).await.expect(201);
    let made: Value = made.json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("webhookUrl"))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signature(secret: &str, body: &str) -> String {
    digits(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes()), body.as_bytes()).as_ref())
}

pub async fn post(rest: &Rest, path: &str, body: &str) -> Answer {
    let signed = rest.with("x-webhook-hmac", signature(SECRET, body));
    signed.with("x-webhook-hmac-algorithm", "sha512").json("POST", path, body.to_owned()).await
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis().try_into().expect("a time")
}

/// A text message that a person sent to the second session.
pub fn message(id: &str, from: &str) -> String {
    let at = now();
    json!({
        "id": format!("evt_{id}"), "timestamp": at, "event": "message.any", "session": "default", "engine": "GOWS",
        "payload": {
            "id": format!("false_{from}@c.us_{id}"), "timestamp": at / 1000, "from": format!("{from}@c.us"),
            "fromMe": false, "body": format!("hello {id}"), "hasMedia": false, "ack": 1,
        },
    })
    .to_string()
}

pub fn messages_named(world: &World, pattern: &str) -> i64 {
    world.sql().count(&format!("messages WHERE message_id LIKE '{pattern}'"))
}

async fn events(world: &World, id: &str, state: &str) -> Vec<Value> {
    let path = format!("/api/v1/connections/{id}/events?state={state}");
    let page: Value = manager(world).await.get(path).await.expect(200).json();
    page["data"].as_array().expect("events").clone()
}

#[tokio::test]
async fn only_authentic_requests_are_stored() {
    let world = world().await;
    let (id, path) = connect(&world, "http://127.0.0.1:9").await;
    let rest = world.anonymous();
    let good = message("3EB0GOOD", "15550103001");
    let signed = |secret: &str| rest.with("x-webhook-hmac", signature(secret, &good));
    let other_id = format!("{}{:032x}", &id[..32], 7);
    let stored = || world.sql().count(&format!("inbound_events WHERE connection_id = '{id}'"));
    let cases: [(&str, u16, Answer); 9] = [
        ("no signature", 401, rest.json("POST", &path, good.clone()).await),
        ("another secret", 401, signed("another secret 123456").json("POST", &path, good.clone()).await),
        ("another body", 401, signed(SECRET).json("POST", &path, good.replace("hello", "hallo")).await),
        ("no JSON", 400, post(&rest, &path, "{").await),
        ("an unknown id", 404, post(&rest, &format!("/connect/waha/{other_id}"), &good).await),
        ("an id of nobody", 404, post(&rest, &format!("/connect/waha/{}", "0".repeat(64)), &good).await),
        ("no id", 404, post(&rest, "/connect/waha/x", &good).await),
        ("another kind", 404, post(&rest, &format!("/connect/cloud_api/{id}"), &good).await),
        ("another method", 405, signed(SECRET).json("PUT", &path, good.clone()).await),
    ];
    for (what, status, answer) in cases {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.text(), "", "{what}");
    }
    assert_eq!(status_of_large(&world, &path).await, "HTTP/1.1 413 Payload Too Large");
    assert_eq!(stored(), 0);

    for _ in 0..3 {
        post(&rest, &path, &good).await.expect(200);
    }
    assert_eq!(stored(), 1, "a repeated event is stored once");
    until("the message is stored", async || messages_named(&world, "3EB0GOOD") == 1).await;
    until("the event is mapped", async || events(&world, &id, "mapped").await.len() == 1).await;
    let mapped = &events(&world, &id, "mapped").await[0];
    assert!(mapped["became"].to_string().contains("message 3EB0GOOD"), "{mapped}");
}

/// The status line of a request that announces more than 64 MiB.
async fn status_of_large(world: &World, path: &str) -> String {
    let mut stream = TcpStream::connect(world.address()).await.expect("the server");
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 65 << 20);
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.expect("a status line");
    line.trim_end().to_owned()
}

#[tokio::test]
async fn poison_event_fails_alone_and_can_be_replayed() {
    let world = world().await;
    let (id, path) = connect(&world, "http://127.0.0.1:9").await;
    let rest = world.anonymous();
    let poison = json!({"id": "evt_poison", "timestamp": now(), "event": "message.any", "session": "default", "payload": 1});
    let unknown = json!({"id": "evt_new", "timestamp": now(), "event": "something.new", "session": "default", "payload": {}});
    post(&rest, &path, &message("3EB0A", "15550103002")).await.expect(200);
    post(&rest, &path, &poison.to_string()).await.expect(200);
    post(&rest, &path, &unknown.to_string()).await.expect(200);
    post(&rest, &path, &message("3EB0B\u{0}", "15550103002")).await.expect(200);
    post(&rest, &path, &message("3EB0C", "15550103002")).await.expect(200);
    until("the others are stored", async || messages_named(&world, "3EB0_") == 3).await;
    until("the poison failed", async || events(&world, &id, "failed").await.len() == 1).await;
    assert_eq!(events(&world, &id, "ignored").await.len(), 1);
    let failed = events(&world, &id, "failed").await.remove(0);
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("payload")), "{failed}");

    let caller = manager(&world).await;
    let event = failed["id"].as_str().expect("an id");
    let replay = format!("/api/v1/connections/{id}/events/{event}:replay");
    caller.json("POST", &replay, "").await.expect(204);
    until("it failed again", async || events(&world, &id, "failed").await.len() == 1).await;
    let all: Value =
        caller.json("POST", format!("/api/v1/connections/{id}:replay"), "").await.expect(200).json();
    assert_eq!(all["replayed"], 1);
    let connection: Value = caller.get(format!("/api/v1/connections/{id}")).await.expect(200).json();
    assert!(connection["failedEvents"].as_i64().is_some_and(|failed| failed >= 2), "{connection}");
}

#[tokio::test]
async fn secrets_of_a_connection_are_nowhere_to_be_found() {
    let world = world().await;
    let (id, path) = connect(&world, "http://127.0.0.1:9").await;
    post(&world.anonymous(), &path, &message("3EB0S", "15550103003")).await.expect(200);
    let caller = manager(&world).await;
    let shown = [
        caller.get("/api/v1/connections").await.expect(200).text(),
        caller.get(format!("/api/v1/connections/{id}")).await.expect(200).text(),
        caller.get(format!("/api/v1/connections/{id}/events")).await.expect(200).text(),
        caller.json("POST", format!("/api/v1/connections/{id}:test"), "{}").await.expect(200).text(),
        world.sql().rows("SELECT c::text FROM connections c").iter().map(Value::to_string).collect(),
        world.sql().rows("SELECT e::text FROM inbound_events e").iter().map(Value::to_string).collect(),
        world.log(),
    ];
    for text in shown {
        for canary in [SECRET, API_KEY, &digits(SECRET.as_bytes()), &digits(API_KEY.as_bytes())] {
            assert!(!text.contains(canary), "{text}");
        }
    }
    let create = async |secret: &str, url: &str| {
        let body = json!({"kind": "waha", "phoneNumber": "15550100499", "url": url, "webhookSecret": secret});
        caller.json("POST", "/api/v1/connections", body.to_string()).await
    };
    for weak in ["secret", "changeme", "my-secret-key-for-waha", "aaaaaaaaaaaaaaaaaaaa"] {
        let answer = create(weak, "http://127.0.0.1:9").await.expect(422);
        assert!(answer.text().contains("webhookSecret"), "{}", answer.text());
        assert!(!answer.text().contains(weak), "{}", answer.text());
    }
    for url in
        ["http://waha.acme.example", "http://169.254.169.254", "ftp://127.0.0.1", "http://a:b@127.0.0.1"]
    {
        assert!(create(SECRET, url).await.expect(422).text().contains("url"), "{url}");
    }
    let second = json!({"kind": "waha", "sessionId": world.org.sessions[1], "url": "http://127.0.0.1:9"});
    caller.json("POST", "/api/v1/connections", second.to_string()).await.expect(409);
}

#[tokio::test]
async fn key_of_other_sessions_sees_no_connection() {
    let world = world().await;
    let (id, _) = connect(&world, "http://127.0.0.1:9").await;
    let key = world.limited_key("read,manage", &world.org.sessions[..1]);
    let limited = world.anonymous().token(&key);
    limited.get(format!("/api/v1/connections/{id}")).await.expect(404);
    limited.json("POST", format!("/api/v1/connections/{id}:sync"), "").await.expect(404);
    let page: Value = limited.get("/api/v1/connections").await.expect(200).json();
    assert!(!page.to_string().contains(&id), "{page}");
    let new = json!({"kind": "external", "phoneNumber": "15550100498"});
    limited.json("POST", "/api/v1/connections", new.to_string()).await.expect(403);
}

#[tokio::test]
async fn silent_gateway_delays_no_other_connection() {
    let world = world().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let (id, path) = connect(&world, &format!("http://{address}")).await;
    let caller = manager(&world).await;
    let other = json!({
        "kind": "waha", "phoneNumber": "15550100497", "url": "http://127.0.0.1:9", "webhookSecret": SECRET,
    });
    let other: Value = caller.json("POST", "/api/v1/connections", other.to_string()).await.expect(201).json();
    let other_path = other["webhookUrl"].as_str().expect("a path");
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (path, id) in [(path.as_str(), "3EB0SLOW"), (other_path, "3EB0FAST")] {
        post(&world.anonymous(), path, &message(id, "15550103004")).await.expect(200);
        let took = until("the message is stored", async || messages_named(&world, id) == 1).await;
        assert!(took < Duration::from_secs(2), "{id}: {took:?}");
    }
    let started = Instant::now();
    let test = caller.json("POST", format!("/api/v1/connections/{id}:test"), "{}").await.expect(200);
    let test: Value = test.json();
    assert_eq!((&test["reachable"], &test["status"]), (&json!(false), &json!("disconnected")), "{test}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn stored_event_is_kept_for_its_retention() {
    let flags = ["--connection-host", "127.0.0.1", "--inbound-retention=20s"];
    let world = World::start_with("127.0.0.1:0", &flags).await;
    let (id, path) = connect(&world, "http://127.0.0.1:9").await;
    let begun = Instant::now();
    post(&world.anonymous(), &path, &message("3EB0KEPT", "15550103005")).await.expect(200);
    until("the event is mapped", async || events(&world, &id, "mapped").await.len() == 1).await;
    let deleted = async || events(&world, &id, "mapped").await.is_empty();
    until_within(Duration::from_secs(180), "the event is deleted", deleted).await;
    assert!(begun.elapsed() >= Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(world.sql().count(&format!("inbound_events WHERE connection_id = '{id}'")), 0);
    assert_eq!(messages_named(&world, "3EB0KEPT"), 1, "the message stays");
}

/// Number of kills; `make kills` sets 50.
fn kills() -> usize {
    std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(2)
}

#[tokio::test]
async fn acknowledged_webhooks_survive_kills_and_are_stored_once() {
    let world = world().await;
    let (_, path) = connect(&world, "http://127.0.0.1:9").await;
    let mut acknowledged = 0;
    let mut server = None;
    for kill in 0..kills() {
        let (address, process): (_, u32) = match &server {
            None => (world.address(), world.process_id()),
            Some(server) => {
                let server: &Server = server;
                (server.address, server.process.id().expect("a process"))
            }
        };
        let rest = Rest::new(address);
        for number in 0..40 {
            let id = format!("3EB0K{kill:02}N{number:02}");
            post(&rest, &path, &message(&id, &format!("155501031{:02}", number % 7))).await.expect(200);
            acknowledged += 1;
        }
        let process = Pid::from_raw(process.try_into().expect("a process id")).expect("a process id");
        kill_process(process, Signal::KILL).expect("it runs");
        let flags = ["--connection-host", "127.0.0.1"];
        server = Some(Server::start(&world.database, "127.0.0.1:0", &flags).await);
    }
    let killed = Instant::now();
    until("every message is stored", async || messages_named(&world, "3EB0K%") == acknowledged).await;
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    until("nothing waits", async || world.sql().count("inbound_events WHERE state = 'received'") == 0).await;
    assert_eq!(messages_named(&world, "3EB0K%"), acknowledged);
}
