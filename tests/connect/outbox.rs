//! The outbox of a connection, with a gateway that the test controls.

mod database;
mod failures;
mod references;

use std::sync::Arc;
use std::time::{Duration, Instant};

use guarded_http::{Destinations, HttpClient, Trust};
use serde_json::json;
use switchboard::actions::commands::ConnectorLease;
use switchboard::config::Secret;
use switchboard::connect::gateway::SendError;
use switchboard::connect::media::MediaStore;
use switchboard::connect::outbox::{self, Files, Outbox};
use switchboard::store::{PoolOptions, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Notify};
use tokio_util::sync::CancellationToken;

use super::fake_gateway::{FakeGateway, Script};
use super::media::files::config;
use super::sends::{MEDIA_DIR, becomes, message, messages, send, world};
use crate::support::{World, until};

/// How long a file may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the sends of the session have ids of ours is decided when they are queued.
fn with_ids(world: &World, has_own_id: bool) {
    world.sql().run_as(&world.org.id, &format!("UPDATE sends SET has_own_id = {has_own_id}"));
}

/// Runs the outbox of the first session until it is dropped.
pub struct Running {
    closing: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

pub fn run(world: &World, gateway: &Arc<FakeGateway>) -> Running {
    run_at(world, gateway, None)
}

fn run_at(world: &World, gateway: &Arc<FakeGateway>, sends_per_minute: Option<i32>) -> Running {
    let store = Store::new(Secret::new(&world.database.url), PoolOptions::background(2));
    let media = MediaStore::new(&store, &config(&[("media-dir", MEDIA_DIR.to_owned())].into()));
    let hosts = Destinations::Hosts(["127.0.0.1".parse().expect("a host")].into());
    let http = HttpClient::new("test", hosts, TIMEOUT, Trust::System);
    let org = world.org.id.parse().expect("an organization");
    let session = world.org.sessions[0].parse().expect("a session");
    let outbox = Outbox {
        store,
        org,
        session,
        lease: ConnectorLease::of(org, session, uuid::Uuid::now_v7()),
        gateway: gateway.clone(),
        kind: "waha".to_owned(),
        sends_per_minute,
        files: Files::new(media, http.expect("root certificates")),
    };
    let (closing, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
    let task = tokio::spawn(outbox::run(outbox, wake.clone(), closing.clone()));
    // The service wakes an outbox when something is due.
    tokio::spawn(closing.clone().run_until_cancelled_owned(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            wake.notify_one();
        }
    }));
    Running { closing, task }
}

impl Running {
    pub async fn stop(self) {
        self.closing.cancel();
        self.task.await.expect("the outbox ends");
    }
}

#[tokio::test]
async fn what_is_certainly_not_sent_is_tried_again() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let gateway = FakeGateway::new(true, [Script::NotSent, Script::NotSent]);
    let running = run(&world, &gateway);
    let shown = becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!(shown["send"]["attempts"], 3);
    assert_eq!(gateway.texts(), ["Hello"]);
    running.stop().await;
}

#[tokio::test]
async fn unclear_send_without_own_id_is_never_repeated_and_found_by_its_echo() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    with_ids(&world, false);
    let gateway = FakeGateway::new(false, [Script::LoseAnswer]);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "unknown").await;
    let next = send(&world, &chat, "Next").await;
    becomes(&world, &next["queue_id"], "accepted").await;
    assert_eq!(gateway.texts(), ["Hello", "Next"]);
    let echo = json!({
        "id": "ECHO", "chat": chat.jid, "fromMe": true, "type": "chat", "body": "Hello", "ack": "2",
        "timestamp": 4_000_000_000_000_i64,
    });
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": echo})]);
    let shown = becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!((&shown["unique_id"], &shown["ack"]), (&json!("ECHO"), &json!("2")));
    assert_eq!(messages(&world, &chat).await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn unclear_send_with_own_id_is_repeated_under_it() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let gateway = FakeGateway::new(true, [Script::LoseAnswer]);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "accepted").await;
    let ids: Vec<_> = gateway.sent.lock().unwrap().iter().map(|(_, id, _)| id.clone()).collect();
    let own = sent["unique_id"].as_str().map(str::to_owned);
    assert_eq!(ids, [own.clone(), own]);
    running.stop().await;
}

#[tokio::test]
async fn interrupted_send_is_repeated_only_with_an_own_id() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let (with_id, without) = (send(&world, &asha, "one").await, send(&world, &bela, "two").await);
    let text = |sent: &serde_json::Value| sent["queue_id"].as_str().expect("an id").to_owned();
    let sql = format!(
        "UPDATE sends SET state = 'sending', attempted_by = 'waha';
         UPDATE sends SET has_own_id = false WHERE send_id = '{}'",
        text(&without)
    );
    world.sql().run_as(&world.org.id, &sql);
    let gateway = FakeGateway::new(true, []);
    let running = run(&world, &gateway);
    becomes(&world, &with_id["queue_id"], "accepted").await;
    becomes(&world, &without["queue_id"], "unknown").await;
    assert_eq!(gateway.texts(), ["one"]);
    running.stop().await;
}

#[tokio::test]
async fn rejected_send_shows_the_reason_of_the_gateway() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let (sent, next) = (send(&world, &chat, "Hello").await, send(&world, &chat, "Next").await);
    let gateway = FakeGateway::new(true, [Script::Reject("131047 re-engagement message")]);
    let running = run(&world, &gateway);
    let shown = becomes(&world, &sent["queue_id"], "failed").await;
    assert_eq!(shown["failure_reason"], "131047 re-engagement message");
    becomes(&world, &next["queue_id"], "accepted").await;
    running.stop().await;
}

#[tokio::test]
async fn chats_are_sent_to_in_parallel_and_each_in_order() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    for chat in [&asha, &bela] {
        for number in 0..3 {
            send(&world, chat, &format!("{} {number}", chat.digits)).await;
        }
    }
    let both = Arc::new(Barrier::new(2));
    let gateway = FakeGateway::new(true, (0..6).map(|_| Script::Meet(both.clone())));
    let running = run(&world, &gateway);
    until("all are sent", async || gateway.texts().len() == 6).await;
    assert_eq!(gateway.at_a_time.lock().unwrap().1, 2);
    for chat in [&asha, &bela] {
        let texts: Vec<_> =
            gateway.texts().into_iter().filter(|text| text.starts_with(&chat.digits)).collect();
        assert_eq!(texts, (0..3).map(|number| format!("{} {number}", chat.digits)).collect::<Vec<_>>());
    }
    running.stop().await;
}

#[tokio::test]
async fn sends_keep_the_pace_of_the_connection() {
    let (world, _) = world().await;
    let chats = [world.chat("Asha Rao").await, world.chat("Bela Kovacs").await, world.chat("Chen Wei").await];
    for chat in &chats {
        send(&world, chat, "Hello").await;
    }
    let gateway = FakeGateway::new(true, []);
    let started = Instant::now();
    let running = run_at(&world, &gateway, Some(60));
    until("all are sent", async || gateway.texts().len() == 3).await;
    let times: Vec<_> = gateway.sent.lock().unwrap().iter().map(|(.., at)| *at).collect();
    // The first one waits, too.
    let least = Duration::from_millis(900);
    assert!((1_u32..).zip(&times).all(|(number, at)| *at - started > number * least), "{times:?}");
    running.stop().await;
}

#[tokio::test]
async fn command_that_the_gateway_cannot_do_stays_local() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let gateway = FakeGateway::new(true, []);
    let running = run(&world, &gateway);
    world.rest().patch(&chat.session_path, json!({"archived": true})).await.expect(200);
    until("the change is applied", async || world.sql().count("commands") == 0).await;
    assert_eq!(gateway.changed.lock().unwrap().len(), 1);
    *gateway.change.lock().unwrap() = Some(SendError::Unsupported { reason: "the gateway cannot pin" });
    world.rest().patch(&chat.session_path, json!({"pinned": true})).await.expect(200);
    let sends = format!("/api/v1/sessions/{}/sends?state=local_only", world.org.sessions[0]);
    until("the change is listed", async || {
        let listed = world.rest().get(&sends).await.expect(200).json();
        listed["data"][0]["reason"] == "the gateway cannot pin" && listed["data"][0]["type"] == "pinned"
    })
    .await;
    assert_eq!(world.sql().count("commands"), 0);
    running.stop().await;
}

#[tokio::test]
async fn message_whose_receipt_came_first_is_not_sent_again() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let receipt = json!({"message": {"id": sent["unique_id"], "chat": chat.jid}, "kind": "server", "at": 1_900_000_000_000_i64});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "receipt": receipt})]);
    let gateway = FakeGateway::new(true, []);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!(message(&world, &sent["queue_id"]).await["ack"], "2");
    assert_eq!(gateway.texts(), Vec::<String>::new());
    running.stop().await;
}

/// Serves a PDF at that many requests. Returns its URL.
async fn one_file(requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/offer.pdf", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let read = stream.read(&mut [0; 1024]).await.expect("a request");
            assert!(read > 0, "an empty request");
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\n%PDF-1.7";
            stream.write_all(answer).await.expect("a response");
        }
    });
    url
}

#[tokio::test]
async fn file_at_a_url_is_fetched_once_and_kept() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let url = "https://files.acme.example/offer.pdf";
    let media =
        json!({"type": "document", "url": url, "filename": "offer.pdf", "mimetype": "application/pdf"});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    assert_eq!(messages(&world, &chat).await[0]["media"]["path"], url);
    let here = one_file(1).await;
    let redirect = format!(
        r#"UPDATE sends SET content = content || '{{"file": {{"url": "{here}"}}}}' WHERE kind = 'media'"#
    );
    world.sql().run_as(&world.org.id, &redirect);
    // The first attempt fails after the file was fetched.
    let gateway = FakeGateway::new(true, [Script::NotSent, Script::Accept("GATEWAY")]);
    let running = run(&world, &gateway);
    let shown = becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!((gateway.texts(), &shown["send"]["attempts"]), (vec!["%PDF-1.7".to_owned()], &json!(2)));
    let media = &shown["media"];
    assert_eq!((&media["state"], &media["size"]), (&json!("stored"), &json!(8)), "{shown}");
    assert_eq!(messages(&world, &chat).await[0]["media"], *media);
    let file = world.rest().get(media["path"].as_str().expect("a path")).await.expect(200);
    assert_eq!((file.text().as_str(), file.header("content-type")), ("%PDF-1.7", "application/pdf"));
    let log = world.rest().get(format!("{}/audit-logs", chat.path)).await.expect(200).text();
    assert!(log.contains("media.state"), "{log}");
    running.stop().await;
}
