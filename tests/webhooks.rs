//! Webhook deliveries: order, retries, dead letters and isolation.

mod addresses;
pub mod receiver;
mod setup;
mod takeover;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::support::{Chat, Rest, Server, World};
use receiver::{Post, Receiver};

const ROOT: &str = "/api/v1/organization/webhooks";

/// Arguments of a server that sends to this machine and retries quickly.
const QUICK: [&str; 3] = ["--webhook-allow-loopback", "--webhook-initial-backoff", "20ms"];

async fn world(more: &[&str]) -> World {
    World::start_with("127.0.0.1:0", &[&QUICK, more].concat()).await
}

async fn another_server(world: &World, more: &[&str]) -> Server {
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    Server::run(&world.command(&[&serve, &QUICK[..], more].concat())).await
}

async fn manager(world: &World) -> Rest {
    world.anonymous().token(&world.key("read,send,manage").await)
}

/// Creates a webhook. Returns its id and secret.
async fn create(caller: &Rest, body: Value) -> (String, String) {
    let made = caller.json("POST", ROOT, body.to_string()).await.expect(201).json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["webhook"]["id"]), text(&made["secret"]))
}

/// Changes the chat's state that many times.
async fn change(world: &World, chat: &Chat, times: usize) {
    static MUTED_UNTIL: AtomicU64 = AtomicU64::new(4_000_000_000_000);
    for _ in 0..times {
        let until = MUTED_UNTIL.fetch_add(1000, Ordering::Relaxed);
        world.rest().patch(&chat.session_path, json!({"mutedUntil": until})).await.expect(200);
    }
}

async fn deliveries(caller: &Rest, webhook: &str, query: &str) -> Vec<Value> {
    let page = caller.get(format!("{ROOT}/{webhook}/deliveries{query}")).await.expect(200).json();
    page["data"].as_array().expect("an array").clone()
}

/// Waits until that many deliveries of the webhook are in the state.
async fn wait_for(caller: &Rest, webhook: &str, state: &str, count: usize) -> Vec<Value> {
    for _ in 0..3000 {
        let found = deliveries(caller, webhook, &format!("?state={state}&limit=200")).await;
        if found.len() == count {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{count} deliveries did not become {state}: {:#?}", deliveries(caller, webhook, "").await);
}

fn ids(posts: &[Post], jid: &str) -> Vec<i64> {
    posts.iter().filter(|post| post.is_of(jid)).map(Post::id).collect()
}

#[track_caller]
fn assert_signed(post: &Post, secret: &str) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [post.header("x-switchboard-timestamp").as_bytes(), b".", &post.body].concat();
    let digits = post.header("x-switchboard-signature").strip_prefix("v1=").expect("v1");
    let tag: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    hmac::verify(&key, &signed, &tag).expect("the signature");
}

#[tokio::test]
async fn deliveries_are_signed_and_ordered_per_chat() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chats = [world.chat("A").await, world.chat("B").await];
    let (id, secret) = create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    tokio::join!(change(&world, &chats[0], 20), change(&world, &chats[1], 20));
    let posts = receiver.accepted(40).await;
    for chat in &chats {
        let ids = ids(&posts, &chat.jid);
        assert_eq!((ids.len(), ids.is_sorted()), (20, true), "{ids:?}");
    }
    for post in &posts {
        assert_signed(post, &secret);
        assert_eq!(post.header("x-switchboard-webhook"), id);
        assert_eq!(post.header("x-switchboard-event"), post.id().to_string());
        let json = post.json();
        assert_eq!((&json["orgId"], &json["action"]), (&json!(world.org.id), &json!("state")));
        assert!(json["performedBy"].as_str().expect("a text").starts_with("key:"), "{json}");
        assert_eq!(json["changes"][0]["field"], "muted_until");
        assert_eq!(json["sessionId"], world.org.sessions[0]);
    }
    let delivered = wait_for(&caller, &id, "delivered", 40).await;
    let newest = posts.iter().max_by_key(|post| post.id()).expect("a post");
    assert_eq!(delivered[0]["event"], newest.json());
    assert_eq!((&delivered[0]["tries"], &delivered[0]["status"]), (&json!(1), &json!(204)));
    let tables = world.sql().rows("SELECT * FROM webhooks");
    for text in [world.log(), json!(tables).to_string()] {
        assert!(!text.contains(&secret) && !text.contains(&secret["whsec_".len()..]));
    }
}

#[tokio::test]
async fn failed_delivery_is_retried_before_later_ones_of_its_chat() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let [slow, quick] = [world.chat("A").await, world.chat("B").await];
    let (jid, attempts) = (slow.jid.clone(), AtomicUsize::new(0));
    receiver.answers(move |post| {
        let fails = post.is_of(&jid) && attempts.fetch_add(1, Ordering::SeqCst) < 3;
        if fails { 500 } else { 200 }
    });
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    tokio::join!(change(&world, &slow, 5), change(&world, &quick, 5));
    let accepted = receiver.accepted(10).await;
    let (of_slow, of_quick) = (ids(&accepted, &slow.jid), ids(&accepted, &quick.jid));
    assert!(of_slow.is_sorted() && of_quick.is_sorted(), "{of_slow:?} {of_quick:?}");
    let all = ids(&receiver.posts(), &slow.jid);
    assert_eq!(all[..4], [of_slow[0]; 4]);
    assert_eq!(all[4..], of_slow[1..]);
}

#[tokio::test]
async fn rejected_delivery_becomes_a_replayable_dead_letter() {
    let world = world(&["--webhook-max-attempts", "3"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("A").await;
    receiver.answers(|_| 400);
    let (id, _) = create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &chat, 3).await;
    let dead = wait_for(&caller, &id, "dead", 3).await;
    assert_eq!(
        (&dead[0]["tries"], &dead[0]["status"], &dead[0]["nextTryAt"]),
        (&json!(3), &json!(400), &Value::Null)
    );
    assert_eq!(receiver.posts().len(), 9);

    receiver.answers(|_| 200);
    let one = dead[2]["id"].as_str().expect("an id");
    let replay = format!("{ROOT}/{id}/deliveries/{one}/replay");
    caller.json("POST", &replay, "").await.expect(204);
    let accepted = receiver.accepted(1).await;
    assert_eq!(accepted[0].header("x-switchboard-event"), one);
    wait_for(&caller, &id, "delivered", 1).await;
    caller.json("POST", &replay, "").await.expect(409);
    caller.json("POST", format!("{ROOT}/{id}/deliveries/1/replay"), "").await.expect(404);

    let all = caller.json("POST", format!("{ROOT}/{id}/replay"), "").await.expect(200).json();
    assert_eq!(all, json!({"replayed": 2}));
    wait_for(&caller, &id, "delivered", 3).await;
    assert!(ids(&receiver.accepted(3).await[1..], &chat.jid).is_sorted());
}

#[tokio::test]
async fn unresponsive_endpoint_delays_no_other_endpoint() {
    let world = world(&["--webhook-timeout", "10m"]).await;
    let (caller, dead, alive) = (manager(&world).await, Receiver::start().await, Receiver::start().await);
    let chat = world.chat("A").await;
    dead.answers(|_| 0);
    create(&caller, json!({"url": dead.url(), "actions": ["state"]})).await;
    create(&caller, json!({"url": alive.url(), "actions": ["state"]})).await;
    change(&world, &chat, 1).await;
    dead.until(|posts| !posts.is_empty()).await;
    change(&world, &chat, 30).await;
    assert_eq!(ids(&alive.accepted(31).await, &chat.jid).len(), 31);
    // Still the first attempt, without a response.
    assert_eq!(dead.posts().len(), 1);
}

#[tokio::test]
async fn failing_endpoint_gets_dead_letters_with_few_requests() {
    const CHATS: usize = 20;
    let world = world(&["--webhook-max-attempts", "3"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    receiver.answers(|_| 500);
    let body = json!({"url": receiver.url(), "actions": ["state"], "enabled": false});
    let (id, _) = create(&caller, body).await;
    for number in 0..CHATS {
        let chat = world.chat(&format!("Chat {number}")).await;
        change(&world, &chat, 3).await;
    }
    caller.patch(format!("{ROOT}/{id}"), json!({"enabled": true})).await.expect(200);
    // Separate attempts would be three for each.
    let dead = wait_for(&caller, &id, "dead", CHATS * 3).await;
    assert!(dead.iter().all(|delivery| delivery["tries"] == 3 && delivery["status"] == 500), "{dead:#?}");
    assert!(receiver.posts().len() < CHATS * 9, "{} posts", receiver.posts().len());

    // The replay clears the backoff.
    receiver.answers(|_| 200);
    caller.json("POST", format!("{ROOT}/{id}/replay"), "").await.expect(200);
    receiver.accepted(CHATS * 3).await;
}

#[tokio::test]
async fn slow_endpoints_delay_no_other_organization() {
    const SLOW: usize = 40;
    let world = world(&["--webhook-timeout", "10m"]).await;
    let (caller, slow, quick) = (manager(&world).await, Receiver::start().await, Receiver::start().await);
    slow.answers(|_| 0);
    for number in 0..SLOW {
        create(&caller, json!({"url": format!("{}/{number}", slow.url()), "actions": ["state"]})).await;
    }
    let chat = world.chat("A").await;
    change(&world, &chat, 1).await;
    // The limit of one organization.
    slow.until(|posts| posts.len() >= 16).await;
    let other = world.anonymous().token(&world.key_of(&world.other, "read,send,manage").await);
    create(&other, json!({"url": quick.url(), "actions": ["state"]})).await;
    let theirs = world.chat_of(&world.other, "B").await;
    let path = theirs.session_path.clone();
    other.patch(&path, json!({"archived": true})).await.expect(200);
    quick.accepted(1).await;
    assert_eq!(slow.posts().len(), 16);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let world = world(&["--webhook-max-attempts", "1"]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("A").await;
    receiver.answers(|_| 307);
    let (id, _) = create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    change(&world, &chat, 1).await;
    let dead = wait_for(&caller, &id, "dead", 1).await;
    assert_eq!(dead[0]["status"], 307);
    assert_eq!(receiver.posts().len(), 1);
}

#[tokio::test]
async fn several_dispatchers_keep_the_order_of_each_chat() {
    let world = world(&[]).await;
    let _others = tokio::join!(another_server(&world, &[]), another_server(&world, &[]));
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chats = [world.chat("A").await, world.chat("B").await, world.chat("C").await];
    create(&caller, json!({"url": receiver.url(), "actions": ["state"]})).await;
    tokio::join!(change(&world, &chats[0], 20), change(&world, &chats[1], 20), change(&world, &chats[2], 20));
    let posts = receiver.accepted(60).await;
    assert_eq!(posts.iter().map(Post::id).collect::<BTreeSet<_>>().len(), 60);
    for chat in &chats {
        assert!(ids(&posts, &chat.jid).is_sorted(), "{posts:#?}");
    }
}

#[tokio::test]
async fn message_event_carries_the_message_object() {
    let world = world(&[]).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("Asha").await;
    let (id, _) = create(&caller, json!({"url": receiver.url(), "actions": ["message.*"]})).await;
    let message = json!({"id": "M1", "chat": chat.jid, "fromMe": false, "sender": chat.id, "type": "chat",
        "body": "hello", "timestamp": 1_737_976_076_000_i64});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
    let event = receiver.accepted(1).await[0].json();
    assert_eq!((&event["type"], &event["action"]), (&json!("message.created"), &json!("messages")));
    let path = format!("/api/v1/sessions/{}/chats/{}/messages", world.org.sessions[0], chat.jid);
    let listed = world.rest().get(path).await.expect(200).json();
    assert_eq!(event["message"], listed["data"][0]);
    let delivered = wait_for(&caller, &id, "delivered", 1).await;
    assert_eq!(
        (&delivered[0]["event"]["id"], &delivered[0]["event"]["message"]),
        (&event["id"], &Value::Null)
    );
}
