//! Standbys: a server that accepts no writes, and commits that wait for a synchronous standby.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use switchboard::pb::WatchChatsRequest;
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{Cluster, Rest, Server, World, in_time, until};
use crate::watch;

const REPLICATED: [&str; 3] = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];

#[tokio::test]
async fn standby_is_named_and_serves_reads() {
    let primary = Cluster::start(&REPLICATED).await;
    let world = World::alone_in(&primary, &[]).await;
    let chat = world.chat("Alice").await;
    let standby = primary.standby(&REPLICATED).await;
    let replica = standby.replica_of(&world.database);

    let server = ["serve", "--listen", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"];
    let server = Server::listening(&replica.command(&server)).await;
    let caller = Rest::new(server.address);
    until("it is named", async || writes(&caller).await.contains("the server is a standby")).await;
    let caller = caller.token(&world.org.key);
    caller.get(&chat).await.expect(200);
    let answer = caller.patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(503);
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    let output = replica.command(&["doctor", "--json"]).output().expect("the binary");
    let findings: Value = serde_json::from_slice(&output.stdout).expect("findings");
    let found =
        findings.as_array().expect("findings").iter().find(|finding| finding["check"] == "server role");
    assert_eq!(found.expect("the check")["verdict"], "failed");

    standby_is_promoted(&standby, &server).await;
    caller.patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(200);
}

async fn standby_is_promoted(standby: &Cluster, server: &Server) {
    standby.admin().run("SELECT pg_promote()");
    let caller = Rest::new(server.address);
    until("ready", async || caller.get("/readyz").await.status == 200).await;
}

/// The check of writes in readiness.
async fn writes(caller: &Rest) -> String {
    let answer: Value = caller.get("/readyz").await.json();
    answer["checks"]["writes"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_for_a_standby_leave_reads() {
    let cluster = Cluster::start(&REPLICATED).await;
    let args =
        ["--database-pool-size", "4", "--request-timeout", "1s", "--database-acquire-timeout", "250ms"];
    let world = World::alone_in(&cluster, &args).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    let mut admin = cluster.admin();
    admin.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    admin.run("SELECT pg_reload_conf()");
    let other = world.rest().token(&world.other.key);
    // Writes of both organizations, then of one.
    for writers in
        [[(&chat, world.rest()), (&others, other.clone())], [(); 2].map(|()| (&chat, world.rest()))]
    {
        let mut waiting = JoinSet::new();
        for number in 0..12 {
            let (chat, rest) = writers[number % 2].clone();
            let chat = chat.clone();
            let note = json!({"custom_properties": {"note": format!("{number}")}});
            waiting.spawn(async move { rest.patch(&chat, note).await.status });
        }
        until("it is named", async || writes(&world.anonymous()).await.contains("synchronous standby")).await;
        for _ in 0..20 {
            world.rest().get(&chat).await.expect(200);
            other.get(&others).await.expect(200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for status in waiting.join_all().await {
            assert!([503, 504].contains(&status), "a write that no standby has confirmed returned {status}");
        }
    }
    admin.run("ALTER SYSTEM RESET synchronous_standby_names");
    admin.run("SELECT pg_reload_conf()");
    until("ready", async || world.anonymous().get("/readyz").await.status == 200).await;
    world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_ends_when_other_events_have_its_numbers_after_a_failover() {
    let primary = Cluster::start(&REPLICATED).await;
    let first = World::alone_in(&primary, &[]).await;
    let chat = first.chat("Alice").await;
    let standby = primary.standby(&REPLICATED).await;
    let replica = standby.replica_of(&first.database);
    let world = first.on(standby.beside(&first.database), &[]).await;
    first.stop().await;
    let write = async |world: &World, name: &str| {
        for number in 0..3 {
            let note = json!({"custom_properties": {"note": format!("{name} {number}")}});
            world.rest().patch(&chat, note).await.expect(200);
        }
    };
    let mut watch = watch::watch(&world, WatchChatsRequest::default()).await;
    primary.stop_sending();
    write(&world, "lost").await;
    for _ in 0..3 {
        watch::next_change(&mut watch).await;
    }

    // The service sees the new primary when the numbers are used again.
    let service = Pid::from_raw(i32::try_from(world.process_id()).expect("an id")).expect("an id");
    kill_process(service, Signal::STOP).expect("it runs");
    primary.kill();
    standby.promote().await;
    write(&first.on(replica, &[]).await, "other").await;
    kill_process(service, Signal::CONT).expect("it runs");
    let end = async {
        loop {
            match watch.message().await {
                Ok(item) => assert!(item.expect("no end").change.is_none(), "a change after lost ones"),
                Err(end) => return end,
            }
        }
    };
    let end = in_time("the end", end).await;
    assert_eq!((end.code(), end.message().contains("lost")), (Code::OutOfRange, true), "{end}");
}
