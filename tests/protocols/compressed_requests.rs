//! What compressed requests take of the service: the bytes that become of them count.

use serde_json::json;
use switchboard::pb::ingest_request::{Open, Request};
use switchboard::pb::{IngestRequest, SendMessageRequest};

use prost::Message;

use super::habits::{compressed, gzip};
use crate::support::{Protocol, World, frame};

const RESOURCE_EXHAUSTED: Option<i32> = Some(8);
const SEND: &str = "/switchboard.v1.MessageService/SendMessage";
const INGEST: &str = "/switchboard.v1.IngestService/Ingest";
const LIMIT: [&str; 2] = ["--max-in-flight-bytes", "8MiB"];

/// More than half of the limit, and less than the largest message of the RPCs.
const LARGE: usize = 6 << 20;

fn request(chat: &str, size: usize) -> Vec<u8> {
    SendMessageRequest { chat_id: chat.to_owned(), message: "x".repeat(size), ..Default::default() }
        .encode_to_vec()
}

#[tokio::test]
async fn decompressed_rest_request_counts_for_its_organization() {
    let world = World::start_with("127.0.0.1:0", &LIMIT).await;
    let chat = world.missing_chat_of(&world.org);
    let caller = world.rest().with("content-type", "application/json").with("content-encoding", "gzip");
    let send = async |size: usize| {
        let body = json!({"chat_id": chat.id, "message": "hello"}).to_string() + &" ".repeat(size);
        caller.send("POST", "/v1/message/send", gzip(body.as_bytes())).await
    };
    let refused = send(LARGE).await.expect(429).json();
    assert!(refused["message"].as_str().expect("text").contains("of this organization"), "{refused}");
    // They are returned.
    for _ in 0..20 {
        send(1 << 20).await.expect(404);
    }
}

#[tokio::test]
async fn decompressed_grpc_message_counts_for_its_organization() {
    let world = World::start_with("127.0.0.1:0", &LIMIT).await;
    let chat = world.missing_chat_of(&world.org);
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let caller = world.rpc(protocol).with("grpc-encoding", "gzip");
        let refused = caller.call(SEND, compressed(&request(&chat.id, LARGE))).await;
        assert_eq!(refused.code, RESOURCE_EXHAUSTED, "{protocol:?}: {refused:?}");
        assert!(refused.message.contains("of%20this%20organization"), "{protocol:?}: {refused:?}");
        for _ in 0..20 {
            let answer = caller.call(SEND, compressed(&request(&chat.id, 1 << 20))).await;
            assert_eq!(answer.code, Some(3), "the text is too long: {answer:?}");
        }
    }
}

fn ingest(request: Request) -> Vec<u8> {
    IngestRequest { request: Some(request) }.encode_to_vec()
}

/// A stream that opens and sends compressed events of that size, with the sequence numbers from 1.
fn stream(events: u8, size: usize) -> Vec<u8> {
    let open = frame(&ingest(Request::Open(Open::default())));
    let events = (1..=events).flat_map(|sequence| {
        // The sequence number, and an unknown field of text.
        let mut event =
            switchboard::pb::IngestEvent { sequence: sequence.into(), ..Default::default() }.encode_to_vec();
        prost::encoding::string::encode(1000, &"x".repeat(size), &mut event);
        compressed(&ingest(Request::Event(event.into())))
    });
    open.into_iter().chain(events).collect()
}

#[tokio::test]
async fn decompressed_events_count_until_they_are_processed() {
    let world = World::start_with("127.0.0.1:0", &LIMIT).await;
    let caller = world.anonymous_rpc(Protocol::Grpc).token(&world.key("ingest").await);
    let caller = caller.with("grpc-encoding", "gzip");
    let refused = caller.call(INGEST, stream(1, LARGE)).await;
    assert_eq!(refused.code, RESOURCE_EXHAUSTED, "{refused:?}");
    assert!(refused.message.contains("of%20this%20organization"), "{refused:?}");
    // All together are more than the limit.
    let answer = caller.call(INGEST, stream(40, 1 << 19)).await;
    assert_eq!(answer.code, Some(0), "{answer:?}");
}

#[tokio::test]
async fn event_that_cannot_be_decompressed_is_invalid() {
    let world = World::shared().await;
    let caller = world.anonymous_rpc(Protocol::Grpc).token(&world.key("ingest").await);
    let mut broken = frame(b"not gzip");
    broken[0] = 1;
    let body = [frame(&ingest(Request::Open(Open::default()))), broken].concat();
    let answer = caller.with("grpc-encoding", "gzip").call(INGEST, body).await;
    assert_eq!(answer.code, Some(3), "{answer:?}");
}
