//! Services that need no token take little of the service.

use std::time::Duration;

use tokio::time::timeout;

use super::habits::compressed;
use crate::support::{Protocol, RpcAnswer, World, frame};

const RESOURCE_EXHAUSTED: Option<i32> = Some(8);

const PATHS: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Whether the call ends although the request does not, without a response to the message.
async fn is_rejected(path: &str, answer: impl Future<Output = RpcAnswer>) -> bool {
    let answer =
        timeout(Duration::from_secs(10), answer).await.expect("an end before the message is complete");
    // The reflection service ends its stream without an error.
    let code = if path.contains("Reflection") { Some(0) } else { RESOURCE_EXHAUSTED };
    answer.messages.is_empty() && answer.code == code
}

#[tokio::test]
async fn large_message_is_rejected_before_it_is_received() {
    let world = World::shared().await;
    // The header announces 3 MiB, of which little is sent.
    let mut begun = frame(&[b'x'; 100]);
    begun[1..5].copy_from_slice(&(3_u32 << 20).to_be_bytes());
    for path in PATHS {
        let caller = world.anonymous_rpc(Protocol::Grpc);
        assert!(is_rejected(path, caller.hold(path, begun.clone())).await, "{path}");
        let caller = caller.with("grpc-encoding", "gzip");
        assert!(is_rejected(path, caller.hold(path, compressed(&[0; 1 << 20]))).await, "{path}");
    }
}

#[tokio::test]
async fn messages_of_a_reflection_stream_do_not_add_up() {
    let world = World::start_with("127.0.0.1:0", &["--max-in-flight-bytes", "1MiB"]).await;
    // `host` and `list_services`.
    let host = "x".repeat(900);
    let mut request = Vec::new();
    prost::encoding::string::encode(1, &host, &mut request);
    prost::encoding::string::encode(7, &"*".to_owned(), &mut request);
    let body: Vec<u8> = (0..1500).flat_map(|_| frame(&request)).collect();
    for path in &PATHS[2..] {
        let answer = world.anonymous_rpc(Protocol::Grpc).call(path, body.clone()).await;
        assert_eq!((answer.code, answer.messages.len()), (Some(0), 1500), "{path}: {}", answer.message);
    }
}
