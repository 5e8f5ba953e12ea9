//! Changes by API clients reach the connector that holds the session's lease, as commands.

mod holder;
mod merges;

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::pb::Command;
use switchboard::pb::command::{Change, Mute, Read, Unread};
use switchboard::pb::commands_request::{Done, Request};
use tonic::Code;

use crate::support::{Chat, World};
use holder::Holder;

async fn world() -> (World, String) {
    let world = World::start().await;
    let key = world.key("ingest").await;
    (world, key)
}

fn changes(commands: &[Command]) -> Vec<(String, Change)> {
    commands.iter().map(|command| (command.chat.clone(), command.change.expect("a change"))).collect()
}

fn message(world: &World, chat: &str, millis: i64) {
    let message = json!({"id": format!("M{millis}"), "chat": chat, "fromMe": false, "timestamp": millis});
    world.import(&world.org, &[json!({"session": world.org.numbers[0], "message": message})]);
}

async fn patch(world: &World, chat: &Chat, body: Value) {
    world.rest().patch(&chat.session_path, body).await.expect(200);
}

async fn mark(world: &World, path: String) {
    world.rest().json("POST", path, "").await.expect(200);
}

#[tokio::test]
async fn commands_arrive_in_the_order_of_the_changes() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    message(&world, &chat.jid, 5000);
    let mut holder = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    for (body, change) in [
        (json!({"archived": true}), Change::Archived(true)),
        (json!({"pinned": true}), Change::Pinned(true)),
        (json!({"mutedUntil": 1_900_000_000_000_i64}), Change::Mute(Mute { until: at(1_900_000_000) })),
        (json!({"unmute": true}), Change::Mute(Mute { until: None })),
        (json!({"archived": false}), Change::Archived(false)),
    ] {
        patch(&world, &chat, body).await;
        let commands = holder.take(1).await;
        assert_eq!(changes(&commands), [(chat.jid.clone(), change)]);
        holder.done(&commands).await;
    }
    for (path, change) in [
        (format!("{}/read", chat.session_path), Change::Read(Read { up_to: at(5) })),
        (format!("{}/unread", chat.session_path), Change::Unread(Unread {})),
        (format!("{}/read", chat.path), Change::Read(Read { up_to: at(5) })),
    ] {
        mark(&world, path).await;
        let commands = holder.take(1).await;
        assert_eq!(changes(&commands), [(chat.jid.clone(), change)]);
        holder.done(&commands).await;
    }
    // A change without effect makes no command.
    mark(&world, format!("{}/read", chat.path)).await;
    assert!(holder.is_quiet().await);
    assert_eq!(world.sql().count("commands"), 0);
}

#[tokio::test]
async fn newest_command_of_each_field_is_kept_without_connector() {
    let (world, key) = world().await;
    let (alice, bob) = (world.chat("Alice").await, world.chat("Bob").await);
    patch(&world, &alice, json!({"archived": true})).await;
    patch(&world, &bob, json!({"archived": true})).await;
    patch(&world, &alice, json!({"archived": false, "pinned": true})).await;
    mark(&world, format!("{}/unread", bob.session_path)).await;
    let mut holder = Holder::open(&world.url(), &key, &world.org.sessions[0]).await;
    let commands = holder.take(4).await;
    let expected = [
        (bob.jid.clone(), Change::Archived(true)),
        (alice.jid.clone(), Change::Archived(false)),
        (alice.jid.clone(), Change::Pinned(true)),
        (bob.jid.clone(), Change::Unread(Unread {})),
    ];
    assert_eq!(changes(&commands), expected);
    assert!(commands.is_sorted_by_key(|command| command.id));
    assert!(holder.is_quiet().await);
}

#[tokio::test]
async fn unacknowledged_command_is_sent_again() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    patch(&world, &chat, json!({"archived": true, "pinned": true})).await;
    let mut holder = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let commands = holder.take(2).await;
    holder.done(&commands[..1]).await;
    // Acknowledging the older command does not acknowledge the newer one.
    patch(&world, &chat, json!({"pinned": false})).await;
    let newer = holder.next().await.expect("a command");
    holder.done(&commands[1..]).await;
    assert!(holder.is_quiet().await);
    drop(holder);

    let mut next = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    assert_eq!(next.next().await.expect("a command"), newer);
    assert!(next.is_quiet().await);
    next.done(&[newer]).await;
    next.send(Request::Done(Done { ids: vec![1, -1, i64::MAX] })).await;
    assert!(next.is_quiet().await);
    assert_eq!(world.sql().count("commands"), 0);
}

#[tokio::test]
async fn more_commands_arrive_when_some_are_acknowledged() {
    let (world, key) = world().await;
    let mut chats = Vec::new();
    for _ in 0..40 {
        let chat = world.missing_chat_of(&world.org);
        chats.push(json!({"session": world.org.numbers[0], "chat": {"jid": chat.jid}}));
        chats.push(json!(chat.session_path));
    }
    let (events, paths): (Vec<Value>, Vec<Value>) = chats.into_iter().partition(Value::is_object);
    world.import(&world.org, &events);
    for path in &paths {
        let path = path.as_str().expect("a path");
        world.rest().patch(path, json!({"archived": true, "pinned": true})).await.expect(200);
    }
    let mut holder = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let first = holder.take(64).await;
    assert!(holder.is_quiet().await);
    holder.done(&first).await;
    let rest = holder.take(16).await;
    assert!(first[63].id < rest[0].id);
}

#[tokio::test]
async fn ingest_event_creates_no_command() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    let mut holder = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let ingest = |event: Value| world.import(&world.org, &[event]);
    ingest(
        json!({"session": world.org.numbers[0], "chat": {"jid": chat.jid, "archived": true, "pinned": true, "mutedUntil": 5}}),
    );
    ingest(json!({"session": world.org.numbers[0], "read": {"chat": chat.jid, "upTo": 5000}}));
    ingest(json!({"session": world.org.numbers[0], "unread": {"chat": chat.jid}}));
    assert!(holder.is_quiet().await);
    // It does not cancel a pending command either: the event may be older than the change.
    patch(&world, &chat, json!({"archived": false})).await;
    ingest(json!({"session": world.org.numbers[0], "chat": {"jid": chat.jid, "archived": true}}));
    assert_eq!(changes(&holder.take(1).await), [(chat.jid.clone(), Change::Archived(false))]);
}

#[tokio::test]
async fn second_connector_waits_for_the_lease() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    let first = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let other_server = world.another_server().await;
    let url = format!("http://{}", other_server.address);
    let mut second = Holder::request(&url, &key, &world.org.sessions[0]).await.expect("a stream");
    patch(&world, &chat, json!({"archived": true})).await;
    assert!(second.is_quiet().await);
    // The lease of another session is free.
    Holder::open(&url, &key, &world.org.numbers[1]).await;
    drop(first);
    second.opened().await.expect("the lease");
    assert_eq!(changes(&second.take(1).await), [(chat.jid.clone(), Change::Archived(true))]);
}

#[tokio::test]
async fn one_stream_waits_for_a_lease_and_others_are_rejected() {
    let (world, key) = world().await;
    let first = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let mut second = Holder::request(&world.url(), &key, &world.org.sessions[0]).await.expect("a stream");
    assert!(second.is_quiet().await);
    let mut third = Holder::request(&world.url(), &key, &world.org.numbers[0]).await.expect("a stream");
    assert_eq!(third.opened().await.expect_err("one waits already").code(), Code::Aborted);
    drop(first);
    second.opened().await.expect("the lease");
    let mut fourth = Holder::request(&world.url(), &key, &world.org.numbers[0]).await.expect("a stream");
    assert!(fourth.is_quiet().await, "it waits for the second one");
}

#[tokio::test]
async fn waiting_streams_share_one_poll() {
    let (world, key) = world().await;
    let mut sessions = Vec::new();
    for number in 0..12 {
        let phone = format!("155501006{number:02}");
        sessions.push(world.cli(&["session", "create", "--org", &world.org.id, "--phone", &phone]));
    }
    let lease = format!(
        "INSERT INTO connector_leases SELECT org_id, session_id, gen_random_uuid(), now() + interval '1 hour'
         FROM sessions WHERE org_id = '{}' ON CONFLICT DO NOTHING",
        world.org.id
    );
    world.sql().run_as(&world.org.id, &lease);
    let transactions = || {
        let made = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_catalog";
        world.sql().value(made).as_i64().expect("a number")
    };
    let in_four_seconds = async || {
        let before = transactions();
        tokio::time::sleep(Duration::from_secs(4)).await;
        transactions() - before
    };
    let without = in_four_seconds().await;
    let mut waiting = Vec::new();
    for session in &sessions {
        waiting.push(Holder::request(&world.url(), &key, session).await.expect("a stream"));
    }
    assert!(waiting[0].is_quiet().await);
    let made = in_four_seconds().await - without;
    // Four polls a second. Twelve streams that poll twice a second make 96.
    assert!(made < 40, "{made} transactions more in 4 seconds");
}

#[tokio::test]
async fn lease_of_a_dead_holder_expires() {
    let (world, key) = world().await;
    let lease = |ends: &str| {
        world.sql().run_as(
            &world.org.id,
            &format!(
                "INSERT INTO connector_leases VALUES ('{}', '{}', gen_random_uuid(), now() + interval '{ends}')
                 ON CONFLICT (org_id, session_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at",
                world.org.id, world.org.sessions[0]
            ),
        );
    };
    lease("8 seconds");
    let mut holder = Holder::request(&world.url(), &key, &world.org.numbers[0]).await.expect("a stream");
    assert!(holder.is_quiet().await);
    holder.opened().await.expect("the lease");
    // A holder that lost its lease to another is closed.
    lease("1 hour");
    let end = loop {
        if let Err(end) = holder.next().await {
            break end;
        }
    };
    assert_eq!(end.code(), Code::Aborted);
}

#[tokio::test]
async fn shutdown_releases_the_lease() {
    let (world, key) = world().await;
    let mut holder = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let (code, end) = tokio::join!(world.stop(), holder.next());
    assert_eq!(code, 0);
    assert_eq!(end.expect_err("the server shuts down").code(), Code::Unavailable);
    assert_eq!(world.sql().count("connector_leases"), 0);
}

#[tokio::test]
async fn unacknowledged_command_of_a_killed_server_is_sent_again() {
    let (world, key) = world().await;
    let chat = world.chat("Alice").await;
    let killed = world.another_server().await;
    let mut first = Holder::open(&format!("http://{}", killed.address), &key, &world.org.numbers[0]).await;
    patch(&world, &chat, json!({"archived": true, "pinned": true})).await;
    let commands = first.take(2).await;
    drop(killed);
    first.next().await.expect_err("the service is gone");
    patch(&world, &chat, json!({"pinned": false})).await;
    // The lease was not released: it is free once it expires.
    let mut second = Holder::open(&world.url(), &key, &world.org.numbers[0]).await;
    let again = second.take(2).await;
    assert_eq!(again[0], commands[0]);
    assert_eq!(changes(&again[1..]), [(chat.jid.clone(), Change::Pinned(false))]);
    assert!(second.is_quiet().await);
}

#[tokio::test]
async fn lease_of_a_session_out_of_scope_is_rejected() {
    let world = World::start().await;
    let limited = world.limited_key("ingest", &world.org.sessions[..1]);
    Holder::open(&world.url(), &limited, &world.org.numbers[0]).await;
    for (session, code) in [
        (world.org.numbers[1].as_str(), Code::NotFound),
        (world.other.sessions[0].as_str(), Code::NotFound),
        ("15550109999", Code::NotFound),
        ("nobody", Code::InvalidArgument),
    ] {
        let mut holder = Holder::request(&world.url(), &limited, session).await.expect("a stream");
        assert_eq!(holder.opened().await.expect_err(session).code(), code, "{session}");
    }
    let mut holder = Holder::request(&world.url(), &limited, &world.org.numbers[0]).await.expect("a stream");
    holder.opened().await.expect("the lease");
    holder.send(Request::Open(Default::default())).await;
    assert_eq!(holder.next().await.expect_err("opened already").code(), Code::InvalidArgument);
}
