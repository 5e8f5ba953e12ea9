//! How a watch ends, and how it resumes.

use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::{Code, Request, Status, Streaming};

use super::{Raw, archive, next, next_change, next_with_change, watch};
use crate::support::{Protocol, RpcAnswer, Server, World, frame, in_time, until};

/// The remaining messages, and the error that ends the watch.
async fn rest_of(watch: &mut Streaming<WatchChatsResponse>) -> (Vec<WatchChatsResponse>, Status) {
    let mut received = Vec::new();
    let receiving = async {
        loop {
            match watch.message().await {
                Ok(Some(item)) => received.push(item),
                Ok(None) => panic!("the watch ended without an error"),
                Err(end) => return end,
            }
        }
    };
    let end = in_time("the end", receiving).await;
    (received, end)
}

/// A watch with this key.
async fn watch_as(world: &World, key: &str) -> Streaming<WatchChatsResponse> {
    let mut client = ChatServiceClient::connect(world.url()).await.expect("a connection");
    let mut request = Request::new(WatchChatsRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header value"));
    let mut watch = client.watch_chats(request).await.expect("a watch").into_inner();
    assert!(next(&mut watch).await.change.is_none());
    watch
}

#[tokio::test]
async fn watch_ends_when_its_key_is_revoked() {
    let world = World::start().await;
    let key = world.key("read").await;
    let mut watches = [watch_as(&world, &key).await, watch_as(&world, &key).await];
    let mut others = watch(&world, WatchChatsRequest::default()).await;
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("a key has an id")]);
    for watch in &mut watches {
        let (received, end) = rest_of(watch).await;
        assert_eq!((end.code(), end.message()), (Code::Unauthenticated, "the token is no longer accepted"));
        assert!(!received.last().expect("a final message").resume_token.is_empty());
    }
    // Watches with other keys continue.
    let chat = world.chat("Others").await;
    assert_eq!(next_change(&mut others).await.chat_id, chat.id);
}

#[tokio::test]
async fn watch_ends_when_sessions_of_its_key_change() {
    let world = World::start().await;
    let key = world.limited_key("read", &world.org.sessions[..1]);
    let mut watch = watch_as(&world, &key).await;
    let id = key.split('_').nth(1).expect("a key has an id");
    let change =
        format!("UPDATE api_keys SET session_ids = ARRAY['{}'] WHERE key_id = '{id}'", world.org.sessions[1]);
    world.sql().run_as(&world.org.id, &change);
    let (_, end) = rest_of(&mut watch).await;
    assert_eq!(end.code(), Code::Unavailable, "{end:?}");
    watch_as(&world, &key).await;
}

#[tokio::test]
async fn watch_ends_when_the_organization_is_disabled() {
    let world = World::start().await;
    let mut grpc = watch(&world, WatchChatsRequest::default()).await;
    let mut lines = Raw::get(&world, "/v1/chats:watch", "*/*").await;
    lines.until("resume_token").await;
    world.cli(&["org", "disable", &world.org.id]);
    assert_eq!(rest_of(&mut grpc).await.1.code(), Code::Unauthenticated);
    lines.until("UNAUTHORIZED_ERROR").await;
}

#[tokio::test]
async fn watch_ends_with_a_resume_token_at_shutdown() {
    let world = World::start().await;
    let chat = world.chat("Ended").await;
    let mut watch = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    assert_eq!(next_change(&mut watch).await.action, "state");
    let (code, (received, end)) = tokio::join!(world.stop(), rest_of(&mut watch));
    assert!(!received.last().expect("a final message").resume_token.is_empty());
    assert_eq!((code, end.code()), (0, Code::Unavailable));
}

#[tokio::test]
async fn watch_with_an_expired_resume_token_is_rejected() {
    let world = World::start_with("127.0.0.1:0", &["--event-retention", "500ms"]).await;
    let mut begun =
        world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch").into_inner();
    let resume_token = next(&mut begun).await.resume_token;
    let again = WatchChatsRequest { resume_token: resume_token.clone(), ..Default::default() };
    let error = world.grpc_chat().watch_chats(again).await.expect_err("expired");
    assert_eq!(error.code(), Code::OutOfRange);
    let answer = world.rest().get(format!("/v1/chats:watch?resume_token={resume_token}")).await;
    assert_eq!(answer.status, 410, "{}", answer.text());
}

#[tokio::test]
async fn watch_after_deleted_events_is_rejected() {
    let world = World::start().await;
    let chat = world.chat("Deleted").await;
    let mut begun = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    let resume_token = next_with_change(&mut begun).await.resume_token;
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    drop(world.grpc_chat().watch_chats(again.clone()).await.expect("no event is deleted yet"));
    archive(&world, &chat, false).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--event-retention", "200ms"];
    let _other = Server::run(&world.command(&serve)).await;
    until("the events are deleted", async || world.sql().count("events") == 0).await;
    let error = world.grpc_chat().watch_chats(again).await.expect_err("deleted events");
    assert_eq!(error.code(), Code::OutOfRange);
}

#[tokio::test]
async fn slow_reader_is_disconnected_and_can_resume() {
    let world = World::start().await;
    let chat = world.chat("Slow").await;
    // A flow-control window that a few messages fill.
    let endpoint = tonic::transport::Channel::from_shared(world.url()).expect("a URL");
    let channel = endpoint.initial_stream_window_size(1024).connect_lazy();
    let mut client = ChatServiceClient::new(channel);
    let mut request = Request::new(WatchChatsRequest::default());
    let bearer = format!("Bearer {}", world.org.key).parse().expect("a header value");
    request.metadata_mut().insert("authorization", bearer);
    let mut slow = client.watch_chats(request).await.expect("a watch").into_inner();
    assert!(next(&mut slow).await.change.is_none());
    for number in 0..200 {
        archive(&world, &chat, number % 2 == 0).await;
    }
    // Longer than the send timeout.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (received, end) = rest_of(&mut slow).await;
    let mut count = received.iter().filter(|item| item.change.is_some()).count();
    let resume_token = received.last().expect("a final message").resume_token.clone();
    assert_eq!((end.code(), end.message()), (Code::Unavailable, "the reader is too slow"));
    assert!(count < 200, "{count}");
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    let mut rest = world.grpc_chat().watch_chats(again).await.expect("a watch").into_inner();
    while count < 200 {
        assert_eq!(next_change(&mut rest).await.chat_id, chat.id);
        count += 1;
    }
}

#[tokio::test]
async fn watch_resumes_across_a_merge_of_chats() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let lid = "189412345678@lid";
    let mut before = watch(&world, WatchChatsRequest::default()).await;
    let message = json!({"session": world.org.numbers[1], "message": {"id": "A", "chat": lid, "fromMe": false,
        "body": "hello", "timestamp": 1_737_976_000_000_i64}});
    world.import(&world.org, &[message]);
    let first = next_with_change(&mut before).await;
    assert_eq!(first.change.expect("a change").chat_id, lid);
    drop(before);
    let tie = json!({"session": world.org.numbers[1], "address": {"lid": lid, "jid": chat.jid}});
    world.import(&world.org, &[tie]);
    assert_eq!(world.rest().patch(&chat.path, json!({"labels": "last"})).await.status, 200);

    let again = WatchChatsRequest { resume_token: first.resume_token, ..Default::default() };
    let mut after = world.grpc_chat().watch_chats(again).await.expect("a watch").into_inner();
    let phone = Some(format!("{}@c.us", world.org.numbers[1]));
    let mut received = Vec::new();
    while received.last().is_none_or(|(_, _, action)| action != "labels") {
        let change = next_change(&mut after).await;
        received.push((change.chat_id, change.org_phone, change.action));
    }
    for (chat_id, phone, action) in [
        (chat.id.as_str(), &phone, "messages"),
        (chat.id.as_str(), &phone, "attached"),
        (lid, &phone, "detached"),
        (lid, &None, "deleted"),
    ] {
        assert!(
            received.contains(&(chat_id.to_owned(), phone.clone(), action.to_owned())),
            "{chat_id} {action} in {received:?}"
        );
    }
}

#[tokio::test]
async fn watch_ends_when_event_history_is_lost() {
    let world = World::start().await;
    let chat = world.chat("Lost").await;
    let mut cut = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    assert_eq!(next_change(&mut cut).await.action, "state");
    // As after a failover to a standby that lagged behind. The service locks in this order, too.
    let mut admin = world.admin();
    admin.run("BEGIN; LOCK TABLE event_heads");
    admin.run("TRUNCATE events, event_heads");
    admin.run("COMMIT");
    let (received, end) = rest_of(&mut cut).await;
    assert_eq!(end.code(), Code::OutOfRange, "{end:?}");
    let resume_token = received.last().expect("a final message").resume_token.clone();
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    let error = world.grpc_chat().watch_chats(again).await.expect_err("past the end");
    assert_eq!(error.code(), Code::OutOfRange);
}

#[tokio::test]
async fn watch_resumes_after_numbers_that_were_skipped() {
    let world = World::start().await;
    let chat = world.chat("Gap").await;
    let mut begun = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    let first = next_with_change(&mut begun).await;
    archive(&world, &chat, false).await;
    let skipped = next_change(&mut begun).await.id;
    archive(&world, &chat, true).await;
    let last = next_change(&mut begun).await.id;
    // As an operator leaves it after a restore.
    world.sql().run_as(&world.org.id, &format!("DELETE FROM events WHERE number * 16 + bucket = {skipped}"));
    let again = WatchChatsRequest { resume_token: first.resume_token, ..Default::default() };
    let mut resumed = world.grpc_chat().watch_chats(again).await.expect("a watch").into_inner();
    assert_eq!(next_change(&mut resumed).await.id, last);
}

#[tokio::test]
async fn resume_token_of_replaced_events_is_rejected() {
    let world = World::start().await;
    let chat = world.chat("Replaced").await;
    let mut begun = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    let change = next_with_change(&mut begun).await;
    let again = WatchChatsRequest { resume_token: change.resume_token, ..Default::default() };
    drop(world.grpc_chat().watch_chats(again.clone()).await.expect("the event is stored"));
    // A failover lost the event, and another one has its number, written after the token was issued.
    let id = change.change.expect("a change").id;
    let later = format!("UPDATE events SET at = clock_timestamp() WHERE number * 16 + bucket = {id}");
    world.sql().run_as(&world.org.id, &later);
    let error = world.grpc_chat().watch_chats(again).await.expect_err("another event");
    assert_eq!((error.code(), error.message().contains("lost")), (Code::OutOfRange, true), "{error:?}");
}

/// As in the header `grpc-timeout`: long enough for a watch to begin.
const DEADLINE: (&str, Duration) = ("10S", Duration::from_secs(10));

/// The REST response to a client with that deadline.
async fn rest_with_deadline(world: &World, path: &str, accept: &str) -> String {
    let caller = world.rest().with("grpc-timeout", DEADLINE.0).with("accept", accept);
    caller.get(path).await.expect(200).text()
}

/// The same over another protocol.
async fn rpc_with_deadline(world: &World, protocol: Protocol) -> RpcAnswer {
    let body = frame(&WatchChatsRequest::default().encode_to_vec());
    let caller = world.rpc(protocol).with("grpc-timeout", DEADLINE.0);
    caller.call("/switchboard.v1.ChatService/WatchChats", body).await
}

#[tokio::test]
async fn watch_ends_at_the_clients_deadline() {
    let world = World::shared().await;
    let session = format!("/api/v1/sessions/{}/chats:watch", world.org.sessions[0]);
    let begun = Instant::now();
    let (flat, nested, events, grpc, web) = tokio::join!(
        rest_with_deadline(world, "/v1/chats:watch", "*/*"),
        rest_with_deadline(world, &session, "*/*"),
        rest_with_deadline(world, "/v1/chats:watch", "text/event-stream"),
        rpc_with_deadline(world, Protocol::Grpc),
        rpc_with_deadline(world, Protocol::GrpcWeb),
    );
    assert!(begun.elapsed() >= DEADLINE.1);
    for (lines, code, expected) in
        [(flat, "/code", "UNAVAILABLE_ERROR"), (nested, "/error/code", "deadline_exceeded")]
    {
        let last: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last.pointer(code), Some(&json!(expected)), "{lines}");
    }
    assert!(events.contains("event: error\ndata: {"), "{events}");
    for answer in [grpc, web] {
        assert_eq!(answer.code, Some(Code::DeadlineExceeded as i32), "{answer:?}");
        assert!(!answer.messages.is_empty(), "{answer:?}");
    }
}
