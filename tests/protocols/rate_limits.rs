//! Rate-limited requests return 429; other callers are not affected.
//!
//! The duration of a request varies, so these tests send many requests at a time until one is rejected.

use futures_util::future::join_all;
use prost::Message;
use serde_json::json;
use switchboard::pb::GetChatRequest;

use super::rejected_calls::assert_envelope;
use crate::support::{Answer, Chat, Protocol, Rest, RpcAnswer, World, frame, until};

const GET_CHAT: &str = "/switchboard.v1.ChatService/GetChat";
const RESOURCE_EXHAUSTED: i32 = 8;

/// Requests at a time: more than a limit of 20 a second admits, and fewer than one of 50.
const BURST: usize = 40;

#[tokio::test]
async fn requests_above_the_limit_are_rejected_on_every_protocol() {
    let world =
        World::start_with("127.0.0.1:0", &["--key-rate-limit", "1", "--metrics-address", "127.0.0.1:0"])
            .await;
    let chat = world.chat("Alice").await;
    for (path, envelope) in [(&chat.path, "FLAT"), (&chat.session_path, "NESTED")] {
        let refused = until_refused(&world.rest(), path).await;
        assert_envelope(&refused, envelope, 429);
        assert_eq!((refused.header("retry-after"), limits(&refused)), ("1", ["1", "0", "1"]));
    }
    let message = frame(&GetChatRequest { chat_id: chat.id.clone() }.encode_to_vec());
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let call = async || world.rpc(protocol).call(GET_CHAT, message.clone()).await;
        let is_refused = |answer: &RpcAnswer| {
            assert!([Some(0), Some(RESOURCE_EXHAUSTED)].contains(&answer.code), "{answer:?}");
            answer.code == Some(RESOURCE_EXHAUSTED)
        };
        let refused = first_refused(call, is_refused).await;
        let pushback = refused.headers["grpc-retry-pushback-ms"].to_str().expect("text");
        assert!(
            (1..=1000).contains(&pushback.parse::<u32>().expect("milliseconds")),
            "{protocol:?}: {pushback}"
        );
    }
    let metrics = world.metrics().await;
    let counted = metrics
        .lines()
        .find(|line| line.starts_with(r#"switchboard_requests_shed_total{reason="key_rate"}"#));
    let counted = counted.and_then(|line| line.rsplit_once(' ')?.1.parse::<u32>().ok());
    assert!(counted.is_some_and(|counted| counted >= 4), "{metrics}");
}

#[tokio::test]
async fn rejected_request_is_not_read_and_changes_nothing() {
    let world = World::start_with("127.0.0.1:0", &["--key-rate-limit", "1"]).await;
    let chat = world.chat("Alice").await;
    let before = world.sql().fingerprint();
    let call = async || world.rest().json("PATCH", &chat, "no JSON at all").await;
    first_refused(call, |answer| is_refused(answer, 422)).await;
    assert_eq!(world.sql().fingerprint(), before);
}

#[tokio::test]
async fn responses_to_authenticated_callers_have_limit_headers() {
    let args = ["--key-rate-limit", "500", "--org-rate-limit", "700"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let chat = world.chat("Alice").await;
    let reader = world.anonymous().token(&world.key("read").await);
    for answer in [
        world.rest().get(&chat).await.expect(200),
        world.rest().get(&world.missing_chat_of(&world.org)).await.expect(404),
        world.rest().get("/v1/nothing").await.expect(404),
        world.rest().json("PATCH", &chat, "[]").await.expect(422),
        reader.patch(&chat, json!({"labels": "vip"})).await.expect(403),
    ] {
        let [limit, remaining, reset] = limits(&answer);
        let remaining: u32 = remaining.parse().expect("a number");
        assert_eq!((limit, reset), ("500", "1"));
        assert!(remaining < 500, "{remaining}");
    }
    // Without authentication there is no limit, however many requests come.
    for caller in [world.anonymous(), world.anonymous().token("sb_made_up")] {
        for _ in 0..20 {
            assert_eq!(limits(&caller.get(&chat).await.expect(401)), [""; 3]);
        }
    }
    assert_eq!(limits(&world.rest().get("/livez").await.expect(200)), [""; 3]);
}

#[tokio::test]
async fn keys_share_only_the_limit_of_their_organization() {
    let world = World::start_with("127.0.0.1:0", &["--key-rate-limit", "1", "--org-rate-limit", "50"]).await;
    let chat = world.chat("Alice").await;
    let second = world.anonymous().token(&world.key("read").await);
    until_refused(&world.rest(), &chat.path).await;
    second.get(&chat).await.expect(200);

    let world = World::start_with("127.0.0.1:0", &["--org-rate-limit", "1"]).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let second = world.anonymous().token(&world.key("read").await);
    until_refused(&second, &chat.path).await;
    let refused = until_refused(&world.rest(), &chat.path).await;
    assert_eq!(limits(&refused), ["1", "0", "1"]);
    let theirs = world.anonymous().token(&world.other.key);
    theirs.get(&others).await.expect(200);
}

#[tokio::test]
async fn flood_of_one_organization_does_not_affect_another() {
    let world = World::start_with("127.0.0.1:0", &["--org-rate-limit", "20"]).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let theirs = world.anonymous().token(&world.other.key);
    let flood: Vec<_> = (0..8).map(|_| tokio::spawn(flood(world.rest(), chat.clone()))).collect();
    for _ in 0..20 {
        theirs.get(&others).await.expect(200);
    }
    for caller in flood {
        caller.abort();
        assert!(caller.await.is_err_and(|error| error.is_cancelled()), "a flood got another status");
    }
    until_refused(&world.rest(), &chat.path).await;
}

/// Sends requests until a status is neither 200 nor 429.
async fn flood(caller: Rest, chat: Chat) {
    while [200, 429].contains(&caller.get(&chat).await.status) {}
}

/// The first rejection.
async fn until_refused(caller: &Rest, path: &str) -> Answer {
    first_refused(async || caller.get(path).await, |answer| is_refused(answer, 200)).await
}

/// Calls in bursts until one is refused.
async fn first_refused<T>(call: impl AsyncFn() -> T, is_refused: impl Fn(&T) -> bool) -> T {
    let mut refused = None;
    until("a call is refused", async || {
        let answers = join_all((0..BURST).map(|_| call())).await;
        refused = answers.into_iter().filter(&is_refused).reduce(|first, _| first);
        refused.is_some()
    })
    .await;
    refused.expect("a refused call")
}

/// Whether the call is refused. Another one has that status.
fn is_refused(answer: &Answer, status: u16) -> bool {
    assert!([status, 429].contains(&answer.status), "{}", answer.text());
    answer.status == 429
}

/// Limit, remaining requests, and seconds until the whole limit is available.
fn limits(answer: &Answer) -> [&str; 3] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(|name| answer.header(name))
}
