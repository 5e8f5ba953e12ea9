//! How a watch ends, and that nothing is lost by it.

use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::chat_service_client::ChatServiceClient;
use switchboard::pb::{WatchChatsRequest, WatchChatsResponse};
use tonic::{Code, Request, Status, Streaming};

use super::{PATIENCE, Raw, archive, next, next_change, watch};
use crate::support::{Protocol, RpcAnswer, Server, World, frame};

/// What was told from here on, and why it ended.
async fn rest_of(watch: &mut Streaming<WatchChatsResponse>) -> (Vec<WatchChatsResponse>, Status) {
    let mut told = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, watch.message()).await.expect("an item or the end") {
            Ok(Some(item)) => told.push(item),
            Ok(None) => panic!("an end without a reason"),
            Err(end) => return (told, end),
        }
    }
}

/// A watch by that key.
async fn watch_as(world: &World, key: &str) -> Streaming<WatchChatsResponse> {
    let mut client = ChatServiceClient::connect(world.url()).await.expect("a connection");
    let mut request = Request::new(WatchChatsRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().expect("a header value"));
    let mut watch = client.watch_chats(request).await.expect("a watch").into_inner();
    assert!(next(&mut watch).await.change.is_none());
    watch
}

#[tokio::test]
async fn a_revoked_key_watches_no_longer() {
    let world = World::start().await;
    let key = world.key("read").await;
    let mut watches = [watch_as(&world, &key).await, watch_as(&world, &key).await];
    let mut others = watch(&world, WatchChatsRequest::default()).await;
    world.cli(&["key", "revoke", key.split('_').nth(1).expect("a key has an id")]);
    for watch in &mut watches {
        let (told, end) = rest_of(watch).await;
        assert_eq!((end.code(), end.message()), (Code::Unauthenticated, "the token is no longer accepted"));
        assert!(!told.last().expect("last words").resume_token.is_empty());
    }
    // Whoever shows another key goes on.
    let chat = world.chat("Others").await;
    assert_eq!(next_change(&mut others).await.chat_id, chat.id);
}

#[tokio::test]
async fn a_key_whose_sessions_change_is_asked_to_call_again() {
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
async fn a_disabled_organization_watches_no_longer_at_any_door() {
    let world = World::start().await;
    let mut grpc = watch(&world, WatchChatsRequest::default()).await;
    let mut lines = Raw::get(&world, "/v1/chats:watch", "*/*").await;
    lines.until("resume_token").await;
    world.cli(&["org", "disable", &world.org.id]);
    assert_eq!(rest_of(&mut grpc).await.1.code(), Code::Unauthenticated);
    lines.until("UNAUTHORIZED_ERROR").await;
}

#[tokio::test]
async fn a_watch_ends_with_the_service_and_says_where_to_go_on() {
    let world = World::start().await;
    let chat = world.chat("Ended").await;
    let mut watch = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    assert_eq!(next_change(&mut watch).await.action, "state");
    let (code, ()) = tokio::join!(world.stop(), async {
        assert!(!next(&mut watch).await.resume_token.is_empty());
        let end = tokio::time::timeout(PATIENCE, watch.message()).await.expect("an end");
        assert_eq!(end.expect_err("a reason").code(), Code::Unavailable);
    });
    assert_eq!(code, 0);
}

#[tokio::test]
async fn what_is_no_longer_kept_cannot_be_taken_up_again() {
    let world = World::start_with("127.0.0.1:0", &["--event-retention", "500ms"]).await;
    let mut begun =
        world.grpc_chat().watch_chats(WatchChatsRequest::default()).await.expect("a watch").into_inner();
    let resume_token = next(&mut begun).await.resume_token;
    let again = WatchChatsRequest { resume_token: resume_token.clone(), ..Default::default() };
    let refused = world.grpc_chat().watch_chats(again).await.expect_err("too late");
    assert_eq!(refused.code(), Code::OutOfRange);
    let answer = world.rest().get(format!("/v1/chats:watch?resume_token={resume_token}")).await;
    assert_eq!(answer.status, 410, "{}", answer.text());
}

#[tokio::test]
async fn what_another_instance_removed_is_not_stepped_over() {
    let world = World::start().await;
    let chat = world.chat("Forgotten").await;
    let mut begun = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    let resume_token = next(&mut begun).await.resume_token;
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    drop(world.grpc_chat().watch_chats(again.clone()).await.expect("nothing is removed yet"));
    archive(&world, &chat, false).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--event-retention", "200ms"];
    let _other = Server::run(&world.command(&serve)).await;
    for _ in 0..1200 {
        if world.sql().count("events") == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = world.grpc_chat().watch_chats(again).await.expect_err("some of it is gone");
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_cut_off_and_can_go_on() {
    let world = World::start().await;
    let chat = world.chat("Slow").await;
    // A window that a few items fill.
    let endpoint = tonic::transport::Channel::from_shared(world.url()).expect("a URL");
    let channel = endpoint.initial_stream_window_size(1024).connect_lazy();
    let mut client = ChatServiceClient::new(channel);
    let mut request = Request::new(WatchChatsRequest::default());
    let bearer = format!("Bearer {}", world.org.key).parse().expect("a header value");
    request.metadata_mut().insert("authorization", bearer);
    let mut slow = client.watch_chats(request).await.expect("a watch").into_inner();
    assert!(next(&mut slow).await.change.is_none());
    let toggles = vec!["UPDATE session_chats SET pinned = NOT pinned"; 200];
    world.sql().run_as(&world.org.id, &toggles.join(";"));
    // Reads nothing for longer than a reader may.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (told, end) = rest_of(&mut slow).await;
    let mut seen = told.iter().filter(|item| item.change.is_some()).count();
    let resume_token = told.last().expect("last words").resume_token.clone();
    assert_eq!((end.code(), end.message()), (Code::Unavailable, "the reader is too slow"));
    assert!(seen < 200, "{seen}");
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    let mut rest = world.grpc_chat().watch_chats(again).await.expect("a watch").into_inner();
    while seen < 200 {
        assert_eq!(next_change(&mut rest).await.chat_id, chat.id);
        seen += 1;
    }
}

#[tokio::test]
async fn a_watch_is_taken_up_again_across_two_chats_becoming_one() {
    let world = World::start().await;
    let chat = world.chat("Asha").await;
    let lid = "189412345678@lid";
    let mut before = watch(&world, WatchChatsRequest::default()).await;
    let message = json!({"session": world.org.numbers[1], "message": {"id": "A", "chat": lid, "fromMe": false,
        "body": "hello", "timestamp": 1_737_976_000_000_i64}});
    world.import(&world.org, &[message]);
    let first = next(&mut before).await;
    assert_eq!(first.change.expect("a change").chat_id, lid);
    drop(before);
    let tie = json!({"session": world.org.numbers[1], "address": {"lid": lid, "jid": chat.jid}});
    world.import(&world.org, &[tie]);
    assert_eq!(world.rest().patch(&chat.path, json!({"labels": "last"})).await.status, 200);

    let again = WatchChatsRequest { resume_token: first.resume_token, ..Default::default() };
    let mut after = world.grpc_chat().watch_chats(again).await.expect("a watch").into_inner();
    let phone = Some(format!("{}@c.us", world.org.numbers[1]));
    let mut told = Vec::new();
    while told.last().is_none_or(|(_, _, action)| action != "labels") {
        let change = next_change(&mut after).await;
        told.push((change.chat_id, change.org_phone, change.action));
    }
    for (of, phone, action) in [
        // What was told of the LID's chat is the other one's now.
        (chat.id.as_str(), &phone, "messages"),
        (chat.id.as_str(), &phone, "attached"),
        (lid, &phone, "detached"),
        (lid, &None, "deleted"),
    ] {
        assert!(
            told.contains(&(of.to_owned(), phone.clone(), action.to_owned())),
            "{of} {action} in {told:?}"
        );
    }
}

#[tokio::test]
async fn a_database_that_lost_what_was_told_ends_the_watch() {
    let world = World::start().await;
    let chat = world.chat("Lost").await;
    let mut cut = watch(&world, WatchChatsRequest::default()).await;
    archive(&world, &chat, true).await;
    assert_eq!(next_change(&mut cut).await.action, "state");
    // What a standby that was behind looks like once it took over.
    world.admin().run("TRUNCATE events; ALTER TABLE events ALTER event_id RESTART");
    let (told, end) = rest_of(&mut cut).await;
    assert_eq!(end.code(), Code::OutOfRange, "{end:?}");
    let resume_token = told.last().expect("last words").resume_token.clone();
    let again = WatchChatsRequest { resume_token, ..Default::default() };
    let refused = world.grpc_chat().watch_chats(again).await.expect_err("beyond the end");
    assert_eq!(refused.code(), Code::OutOfRange);
}

/// What a caller who gives it two seconds is told over REST.
async fn told_in_time(world: &World, path: &str, accept: &str) -> String {
    let caller = world.rest().with("grpc-timeout", "2S").with("accept", accept);
    let answer = tokio::time::timeout(PATIENCE, caller.get(path)).await.expect("an end");
    answer.expect(200).text()
}

/// The same over the other protocols.
async fn answered_in_time(world: &World, protocol: Protocol) -> RpcAnswer {
    let body = frame(&WatchChatsRequest::default().encode_to_vec());
    let caller = world.rpc(protocol).with("grpc-timeout", "2S");
    let answer = caller.call("/switchboard.v1.ChatService/WatchChats", body);
    tokio::time::timeout(PATIENCE, answer).await.expect("an end")
}

#[tokio::test]
async fn a_watch_ends_when_the_time_is_up_that_its_caller_gave_it() {
    let world = World::shared().await;
    let session = format!("/api/v1/sessions/{}/chats:watch", world.org.sessions[0]);
    let begun = Instant::now();
    let (flat, nested, events, grpc, web) = tokio::join!(
        told_in_time(world, "/v1/chats:watch", "*/*"),
        told_in_time(world, &session, "*/*"),
        told_in_time(world, "/v1/chats:watch", "text/event-stream"),
        answered_in_time(world, Protocol::Grpc),
        answered_in_time(world, Protocol::GrpcWeb),
    );
    assert!(begun.elapsed() >= Duration::from_secs(2));
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
