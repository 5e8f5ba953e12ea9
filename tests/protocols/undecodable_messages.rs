//! Undecodable gRPC messages: errors of the client, with our messages.

use switchboard::pb::GetChatRequest;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{Protocol, RpcAnswer, World, frame};

const GET_CHAT: &str = "/switchboard.v1.ChatService/GetChat";
const INGEST: &str = "/switchboard.v1.IngestService/Ingest";

fn status(answer: &RpcAnswer) -> Status {
    Status::from_header_map(&answer.headers).unwrap_or_else(|| panic!("no status: {answer:?}"))
}

/// The log level of that call.
fn level(world: &World, request_id: &str) -> String {
    let log = world.log();
    let line = log.lines().find(|line| line.contains(request_id)).unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["level"].as_str().expect("a level").to_owned()
}

#[tokio::test]
async fn undecodable_message_returns_invalid_argument() {
    let world = World::start().await;
    let no_utf8 = frame(b"\n\x02\xff\xfe");
    let cases = [
        (b"\xff\xff\xff".to_vec(), ""),
        (b"\xff\xff\xff\xff\xff\xff".to_vec(), ""),
        (Vec::new(), ""),
        (frame(b"\xff\xff\xff"), ""),
        (no_utf8[..no_utf8.len() - 1].to_vec(), ""),
        (no_utf8, "chat_id"),
        (frame(b"\x08\x01"), "chat_id"),
    ];
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        for (number, (body, field)) in cases.iter().enumerate() {
            let id = format!("unreadable-{protocol:?}-{number}");
            let answer = world.rpc(protocol).with("x-request-id", &id).call(GET_CHAT, body.clone()).await;
            let status = status(&answer);
            assert_eq!(status.code(), Code::InvalidArgument, "{id}: {status:?}");
            let fields = status.get_error_details().bad_request().map(|bad| bad.field_violations.clone());
            let fields = fields.unwrap_or_default();
            let named = fields.first().map(|violation| violation.field.as_str()).unwrap_or_default();
            assert_eq!(named, *field, "{id}: {status:?}");
            let subject = if field.is_empty() { "the message" } else { field };
            assert_eq!(status.message(), format!("{subject} cannot be decoded"), "{id}");
            assert_eq!(level(&world, &id), "INFO", "{id}");
        }
    }
}

#[tokio::test]
async fn message_over_limit_returns_resource_exhausted() {
    let world = World::start_with("127.0.0.1:0", &["--max-body-bytes", "1KiB"]).await;
    let large = GetChatRequest { chat_id: "1".repeat(2000) };
    for protocol in [Protocol::Grpc, Protocol::GrpcWeb] {
        let answer = world.rpc(protocol).call(GET_CHAT, frame(&prost::Message::encode_to_vec(&large))).await;
        let status = status(&answer);
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "the message is too large"));
    }
}

#[tokio::test]
async fn stream_with_undecodable_message_ends() {
    let world = World::start().await;
    let connector = world.anonymous_rpc(Protocol::Grpc).token(&world.key("ingest").await);
    let answer = connector.call(INGEST, frame(b"\xff\xff\xff")).await;
    assert_eq!(status(&answer).code(), Code::InvalidArgument, "{answer:?}");
    // Announces 17 MiB.
    let answer = connector.call(INGEST, b"\x00\x01\x10\x00\x00".to_vec()).await;
    assert_eq!(status(&answer).code(), Code::ResourceExhausted, "{answer:?}");
    assert!(!world.log().contains("\"ERROR\""), "{}", world.log());
}
