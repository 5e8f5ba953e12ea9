//! Gateways that fail, and sends that may have been sent.

use serde_json::json;

use super::{one_file, run};
use crate::connect::fake_gateway::{FakeGateway, Script};
use crate::connect::sends::{becomes, send, world};
use crate::support::until;

#[tokio::test]
async fn command_that_fails_does_not_hold_back_those_of_other_chats() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let gateway = FakeGateway::new(true, []);
    *gateway.failing.lock().unwrap() = Some(asha.id.parse().expect("an address"));
    for chat in [&asha, &bela] {
        world.rest().patch(&chat.session_path, json!({"archived": true})).await.expect(200);
    }
    let running = run(&world, &gateway);
    until("the other change is applied", async || gateway.changed.lock().unwrap().len() == 1).await;
    assert_eq!(world.sql().count("commands"), 1);
    *gateway.failing.lock().unwrap() = None;
    until("the change is applied, too", async || world.sql().count("commands") == 0).await;
    running.stop().await;
}

#[tokio::test]
async fn command_without_answer_does_not_hold_back_later_ones() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let gateway = FakeGateway::new(true, []);
    gateway.silent.lock().unwrap().0 = Some(asha.id.parse().expect("an address"));
    let running = run(&world, &gateway);
    world.rest().patch(&asha.session_path, json!({"archived": true})).await.expect(200);
    until("it was tried again", async || gateway.silent.lock().unwrap().1 > 1).await;
    for field in ["archived", "pinned"] {
        world.rest().patch(&bela.session_path, json!({field: true})).await.expect(200);
    }
    until("the others are applied", async || gateway.changed.lock().unwrap().len() == 2).await;
    assert_eq!(world.sql().count("commands"), 1);
    gateway.silent.lock().unwrap().0 = None;
    until("it is applied, too", async || world.sql().count("commands") == 0).await;
    running.stop().await;
}

#[tokio::test]
async fn what_a_gateway_fails_at_is_tried_for_a_while() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let sent = send(&world, &asha, "Hello").await;
    let gateway = FakeGateway::new(true, [Script::Fail("500 busy"), Script::Accept("")]);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "accepted").await;
    running.stop().await;
    let sent = send(&world, &bela, "Hello").await;
    world.sql().run_as(&world.org.id, "UPDATE sends SET attempts = 7 WHERE state = 'queued'");
    let gateway = FakeGateway::new(true, [Script::Fail("500 no such message")]);
    let running = run(&world, &gateway);
    let shown = becomes(&world, &sent["queue_id"], "failed").await;
    assert_eq!(shown["failure_reason"], "500 no such message");
    running.stop().await;
}

#[tokio::test]
async fn send_that_may_have_been_sent_never_ends_as_unsent() {
    let (world, _) = world().await;
    let (asha, bela) = (world.chat("Asha Rao").await, world.chat("Bela Kovacs").await);
    let sent = send(&world, &asha, "Hello").await;
    let gateway = FakeGateway::new(true, [Script::LoseAnswer, Script::Reject("131026 no number")]);
    let running = run(&world, &gateway);
    let shown = becomes(&world, &sent["queue_id"], "unknown").await;
    assert_eq!(shown["failure_reason"], "131026 no number");
    running.stop().await;

    let sent = send(&world, &bela, "Hello").await;
    world.sql().run_as(&world.org.id, "UPDATE sends SET may_be_sent = true");
    let queued = format!("/v1/queue/{}", sent["queue_id"].as_str().expect("an id"));
    assert_eq!(world.rest().send("DELETE", &queued, "").await.status, 204);
    let shown = becomes(&world, &sent["queue_id"], "unknown").await;
    assert_eq!((&shown["ack"], &shown["failure_reason"]), (&json!("0"), &json!("cancelled")));
}

#[tokio::test]
async fn unclear_send_without_text_is_found_by_its_echo() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let media = json!({"type": "image", "url": "https://files.acme.example/a.png", "mimetype": "image/png"});
    let body = json!({"chat_id": chat.id, "media": media}).to_string();
    let sent = world.rest().json("POST", "/v1/message/send", body).await.expect(200).json();
    let here = json!({"file": {"url": one_file(1).await}});
    world.sql().run_as(
        &world.org.id,
        &format!("UPDATE sends SET content = content || '{here}', has_own_id = false"),
    );
    let gateway = FakeGateway::new(false, [Script::LoseAnswer]);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "unknown").await;
    let echo = json!({
        "id": "ECHO", "chat": chat.jid, "fromMe": true, "type": "image", "hasMedia": true, "ack": "2",
        "timestamp": 4_000_000_000_000_i64,
    });
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": echo})]);
    let shown = becomes(&world, &sent["queue_id"], "accepted").await;
    assert_eq!(shown["unique_id"], "ECHO");
    running.stop().await;
}
