//! What API clients send: through a connector, from outside.

mod acts;
mod events;
mod files;
mod kills;
mod rejected_files;
mod rejections;
mod takeover;
mod targets;
mod vendor;

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::pb::commands_request::outcome::Result as Reported;

use super::connector::{Connector, text};
use crate::support::{Chat, World, until};

/// The media store of the worlds of sends. Each organization has a directory of its own.
pub const MEDIA_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/media");

/// A world whose first session has a connection of kind `external`, with a key for its connector.
pub async fn world() -> (World, String) {
    let world = World::start_with("127.0.0.1:0", &["--media-dir", MEDIA_DIR]).await;
    make_external(&world);
    let key = world.key("ingest").await;
    (world, key)
}

/// Makes the connections of the organization external ones.
pub fn make_external(world: &World) {
    world.sql().run_as(&world.org.id, "UPDATE connections SET kind = 'external', url = '', account = ''");
}

async fn connector(world: &World, key: &str) -> Connector {
    Connector::open(&world.url(), key, &world.org.sessions[0]).await
}

/// Sends a text, and returns the response.
pub async fn send(world: &World, chat: &Chat, text: &str) -> Value {
    let body = json!({"chat_id": chat.id, "message": text});
    world.rest().json("POST", "/v1/message/send", body.to_string()).await.expect(200).json()
}

/// The message with that id, or of the send with that queue id.
pub async fn message(world: &World, id: &Value) -> Value {
    world.rest().get(format!("/v1/message/{}", id.as_str().expect("an id"))).await.expect(200).json()
}

/// Waits until the send has that state.
pub async fn becomes(world: &World, queue_id: &Value, state: &str) -> Value {
    let mut last = Value::Null;
    let what = format!("send becomes {state}");
    until(&what, async || {
        last = message(world, queue_id).await;
        last["send"]["state"] == state
    })
    .await;
    last
}

/// The messages of a chat, newest first.
pub async fn messages(world: &World, chat: &Chat) -> Vec<Value> {
    let page = world.rest().get(format!("{}/messages", chat.path)).await.expect(200).json();
    page["messages"].as_array().expect("messages").clone()
}

/// The sends of the tests: each organization has another one, which is queued.
pub const QUEUED_HERE: &str = "sends WHERE message_id <> 'QUEUED'";

fn accepted(id: &str) -> Reported {
    Reported::Accepted(id.to_owned())
}

/// No connector takes it, and its row is not kept for ever.
#[tokio::test]
async fn send_that_nothing_attempts_fails_before_it_is_removed() {
    let world = World::start_with("127.0.0.1:0", &["--event-retention", "1s"]).await;
    make_external(&world);
    let chat = world.chat("Asha Rao").await;
    send(&world, &chat, "Hello").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(messages(&world, &chat).await[0]["ack"], "0", "it is tried for a day");
    world.sql().run_as(&world.org.id, "UPDATE sends SET updated_at = now() - interval '25 hours'");
    until("the message failed", async || messages(&world, &chat).await[0]["ack"] == "-1").await;
    let failed = messages(&world, &chat).await.remove(0);
    assert_eq!(failed["failure_reason"], "the connection did not send it in time");
    until("the send is removed", async || world.sql().count(QUEUED_HERE) == 0).await;
}

#[tokio::test]
async fn message_is_in_the_chat_at_once_and_passes_its_states() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "See you at three").await;
    assert_eq!((&sent["queue_position"], &sent["chat_id"]), (&json!("1"), &json!(chat.id)));
    let own_id = sent["unique_id"].as_str().expect("an id").to_owned();
    assert!(own_id.starts_with("3EB0") && own_id.len() == 22, "{own_id}");
    let shown = &messages(&world, &chat).await[0];
    assert_eq!((&shown["ack"], &shown["body"]), (&json!("0"), &json!("See you at three")));
    assert_eq!((&shown["from_me"], &shown["unique_id"]), (&json!(true), &json!(own_id)));
    assert!(shown.get("send").is_none(), "only the response to a send has its state: {shown}");
    assert!(shown["performed_by"].as_str().is_some_and(|by| by.starts_with("key:")), "{shown}");
    assert_eq!(becomes(&world, &sent["queue_id"], "queued").await["send"]["attempts"], 0);

    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    assert_eq!((text(&command), &command.message_id), ("See you at three".to_owned(), &own_id));
    assert_eq!((command.chat.as_str(), command.attempt), (chat.jid.as_str(), 1));
    becomes(&world, &sent["queue_id"], "sending").await;
    connector.report(&command, accepted("")).await;
    assert_eq!(becomes(&world, &sent["queue_id"], "accepted").await["ack"], "1");
    for (kind, state, ack) in [("delivered", "delivered", "3"), ("read", "read", "4")] {
        let receipt = json!({
            "message": {"id": own_id, "chat": chat.jid}, "by": chat.id, "kind": kind, "at": 1_900_000_000_000_i64,
        });
        world.import(&world.org, &[json!({"session": world.org.numbers[0], "receipt": receipt})]);
        assert_eq!(becomes(&world, &sent["queue_id"], state).await["ack"], ack);
    }
    let shown = message(&world, &json!(format!("true_{}_{own_id}", chat.id))).await;
    assert_eq!(shown["send"]["queue_id"], sent["queue_id"]);
    assert_eq!(messages(&world, &chat).await.len(), 1);
}

#[tokio::test]
async fn gateway_id_replaces_the_provisional_one_whichever_comes_first() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let mut connector = connector(&world, &key).await;
    for (body, echo_first) in [("one", true), ("two", false)] {
        let sent = send(&world, &chat, body).await;
        let command = connector.next().await;
        let id = format!("GATEWAY{body}");
        let echo = || {
            let message = json!({
                "id": id, "chat": chat.jid, "fromMe": true, "type": "chat", "body": body, "ack": "1",
                "timestamp": 1_767_225_600_000_i64,
            });
            world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
        };
        if echo_first {
            echo();
        }
        connector.report(&command, accepted(&id)).await;
        becomes(&world, &sent["queue_id"], "accepted").await;
        if !echo_first {
            echo();
        }
        let shown = message(&world, &sent["queue_id"]).await;
        assert_eq!((&shown["unique_id"], &shown["ack"]), (&json!(id), &json!("1")));
        assert_eq!(shown["sent_message_id"], sent["unique_id"]);
        let bodies: Vec<_> =
            messages(&world, &chat).await.iter().map(|shown| shown["body"].clone()).collect();
        assert_eq!(bodies.iter().filter(|shown| **shown == body).count(), 1, "{bodies:?}");
    }
    let latest = world.rest().get(&chat).await.expect(200).json();
    assert_eq!(latest["latest_message"]["body"], "two");
}

#[tokio::test]
async fn failure_shows_with_its_reason() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    connector.report(&command, Reported::Failed("131026 no such number".to_owned())).await;
    let shown = becomes(&world, &sent["queue_id"], "failed").await;
    assert_eq!((&shown["ack"], &shown["failure_reason"]), (&json!("-1"), &json!("131026 no such number")));
    assert_eq!(shown["send"]["reason"], "131026 no such number");
    let sends = format!("/api/v1/sessions/{}/sends?state=failed", world.org.sessions[0]);
    let listed = world.rest().get(sends).await.expect(200).json();
    assert_eq!(listed["data"][0]["queueId"], sent["queue_id"]);
    assert_eq!(listed["data"][0]["chatJid"], json!(chat.jid));
}

#[tokio::test]
async fn unknown_outcome_is_not_repeated_and_a_late_failure_shows() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    connector.report(&command, Reported::Unknown("no response".to_owned())).await;
    let shown = becomes(&world, &sent["queue_id"], "unknown").await;
    assert_eq!((&shown["ack"], &shown["failure_reason"]), (&json!("0"), &json!("no response")));
    assert!(connector.is_quiet().await);
    // WhatsApp reports it after all.
    let receipt = json!({
        "message": {"id": command.message_id, "chat": chat.jid}, "by": chat.id, "kind": "delivered",
        "at": 1_900_000_000_000_i64,
    });
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "receipt": receipt})]);
    becomes(&world, &sent["queue_id"], "accepted").await;
}

#[tokio::test]
async fn sends_of_a_chat_wait_for_each_other_and_chats_do_not() {
    let (world, key) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    for (chat, body) in [(&asha, "one"), (&asha, "two"), (&bela, "three")] {
        send(&world, chat, body).await;
    }
    let mut connector = connector(&world, &key).await;
    let first = connector.next().await;
    let other = connector.next().await;
    assert_eq!((text(&first), text(&other)), ("one".to_owned(), "three".to_owned()));
    assert!(connector.is_quiet().await);
    connector.report(&first, accepted("")).await;
    assert_eq!(text(&connector.next().await), "two");
}

#[tokio::test]
async fn connector_gets_sends_at_the_pace_of_the_connection() {
    let (world, key) = world().await;
    world.sql().run_as(&world.org.id, "UPDATE connections SET sends_per_minute = 60");
    for name in ["Asha Rao", "Bela Kovacs", "Chen Wei"] {
        send(&world, &world.chat(name).await, "Hello").await;
    }
    // Without a connector, none is sent.
    let started = std::time::Instant::now();
    let mut connector = connector(&world, &key).await;
    connector.next().await;
    for least in [900, 1800] {
        connector.next().await;
        assert!(started.elapsed().as_millis() > least, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn send_without_outcome_is_sent_again_on_the_next_stream() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    send(&world, &chat, "Hello").await;
    let mut first = connector(&world, &key).await;
    let command = first.next().await;
    drop(first);
    let mut second = connector(&world, &key).await;
    let again = second.next().await;
    assert_eq!((&again.queue_id, &again.message_id), (&command.queue_id, &command.message_id));
    assert_eq!((command.attempt, again.attempt), (1, 2));
}

#[tokio::test]
async fn queued_send_can_be_cancelled() {
    let (world, key) = world().await;
    let chat = world.chat("Asha Rao").await;
    let (first, second) = (send(&world, &chat, "one").await, send(&world, &chat, "two").await);
    let cancel = |sent: &Value| format!("/v1/queue/{}", sent["queue_id"].as_str().expect("an id"));
    world.rest().json("DELETE", cancel(&first), "").await.expect(204);
    world.rest().json("DELETE", cancel(&first), "").await.expect(204);
    let shown = becomes(&world, &first["queue_id"], "cancelled").await;
    assert_eq!((&shown["ack"], &shown["failure_reason"]), (&json!("-1"), &json!("cancelled")));
    let mut connector = connector(&world, &key).await;
    assert_eq!(text(&connector.next().await), "two");
    world.rest().json("DELETE", cancel(&second), "").await.expect(409);
    world.rest().json("DELETE", "/v1/queue/019b0000-0000-7000-8000-000000000000", "").await.expect(404);
}

#[tokio::test]
async fn repeated_idempotency_key_sends_once() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let body = json!({"chat_id": chat.id, "message": "Hello"}).to_string();
    let call = async || {
        let caller = world.rest().with("idempotency-key", "once");
        caller.json("POST", "/v1/message/send", body.clone()).await.expect(200).json()
    };
    assert_eq!(call().await, call().await);
    assert_eq!(messages(&world, &chat).await.len(), 1);
    assert_eq!(world.sql().count(QUEUED_HERE), 1);
}

#[tokio::test]
async fn session_api_sends_and_returns_the_message() {
    let (world, key) = world().await;
    let path = format!("/api/v1/sessions/{}/messages", world.org.sessions[0]);
    // To a person without a chat, too.
    let body = json!({"jid": "15550107777@s.whatsapp.net", "text": "Hello", "linkPreview": false});
    let sent = world.rest().json("POST", &path, body.to_string()).await.expect(202).json();
    assert_eq!((&sent["ack"], &sent["body"]), (&json!("0"), &json!("Hello")));
    assert_eq!(
        (&sent["chatJid"], &sent["send"]["state"]),
        (&json!("15550107777@s.whatsapp.net"), &json!("queued"))
    );
    let quoting = json!({"jid": "15550107777@s.whatsapp.net", "poll": {"question": "When?", "options": ["now", "later"]}, "replyTo": sent["id"]});
    world.rest().json("POST", &path, quoting.to_string()).await.expect(202);
    let mut connector = connector(&world, &key).await;
    let command = connector.next().await;
    connector.report(&command, accepted("")).await;
    let poll = connector.next().await;
    assert_eq!(
        poll.reply_to.as_ref().map(|quoted| quoted.id.clone()),
        sent["id"].as_str().map(str::to_owned)
    );
}
