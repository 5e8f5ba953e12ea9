//! PgBouncer in transaction mode between the service and PostgreSQL.

use serde_json::{Value, json};
use switchboard::pb::WatchChatsRequest;
use tokio::task::JoinSet;

use crate::ingest::stream::connector::Connector;
use crate::ingest::stream::message;
use crate::support::{Cluster, Pooler, Rest, World, in_time, until};
use crate::watch::{next_change, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_works_behind_a_transaction_pooler() {
    let pooler = Pooler::start(Cluster::get().await).await;
    let world = World::behind(&pooler, &["--database-pool-size", "8"]).await;
    let chats = [world.chat("Alice").await, world.chat("Bob").await, world.chat("Carol").await];
    let other = world.chat_of(&world.other, "Dave").await;
    let mut watch = watch(&world, WatchChatsRequest::default()).await;

    // More clients than server connections: statements of many callers share each.
    let mut callers = JoinSet::new();
    for caller in 0..12 {
        let (mine, theirs) = (world.rest(), world.rest().token(&world.other.key));
        let (chat, other, session) =
            (chats[caller % 3].clone(), other.clone(), world.org.sessions[0].clone());
        callers.spawn(async move {
            for round in 0..15 {
                let note = format!("{caller}-{round}");
                mine.patch(&chat, json!({"custom_properties": {"note": note}})).await.expect(200);
                let shown = mine.get(&chat).await.expect(200).json();
                assert_eq!(shown["chat_id"], json!(chat.id), "{shown}");
                mine.get(format!("/api/v1/sessions/{session}/chats?limit=2")).await.expect(200);
                mine.get("/v1/chats?limit=2").await.expect(200);
                mine.get("/v1/chats/messages:search?query=hello").await.expect(200);
                theirs.get(&other).await.expect(200);
                theirs.get(&chat).await.expect(404);
            }
        });
    }
    callers.join_all().await;

    let (mut connector, _) =
        Connector::open(&world.url(), &world.key("ingest").await, "bridge").await.expect("open");
    for sequence in 1..200 {
        connector.apply(sequence, message(&format!("M{sequence}"))).await;
    }
    for acknowledged in connector.acknowledged(199).await.expect("acknowledged") {
        assert_eq!(acknowledged.rejected, []);
    }
    assert_eq!(world.sql().count("messages"), 199);

    // Notifications pass between instances.
    let second = pooler.serve(&world.database, &[]).await;
    let rest = Rest::new(second.address).token(&world.org.key);
    rest.patch(&chats[0], json!({"custom_properties": {"note": "from the other"}})).await.expect(200);
    let changed =
        async { while !format!("{:?}", next_change(&mut watch).await).contains("from the other") {} };
    in_time("the change", changed).await;
    assert!(!world.log().contains("\"ERROR\""), "{}", world.log());
}

#[tokio::test]
async fn undeclared_pooler_is_refused_with_the_remedy() {
    let cluster = Cluster::get().await;
    let pooler = Pooler::start(cluster).await;
    let database = cluster.migrated_database().await;
    let through = |args: &[&str]| {
        let mut command = database.command(args);
        command.env("SWITCHBOARD_DATABASE_URL", pooler.url(&database));
        command
    };
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate", "up"]] {
        let output = through(args).output().expect("the binary");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains("connection pooler") && error.contains("--database-direct-url"), "{error}");
    }
    let verdict = |mut command: std::process::Command| {
        let output = command.output().expect("the binary");
        let findings: Value = serde_json::from_slice(&output.stdout).expect("findings");
        let found = findings.as_array().expect("findings").iter().find(|f| f["check"] == "connection pooler");
        found.expect("the check")["verdict"].clone()
    };
    assert_eq!(verdict(through(&["doctor", "--json"])), "refused");
    let mut declared = through(&["doctor", "--json"]);
    declared.env("SWITCHBOARD_DATABASE_DIRECT_URL", &database.url);
    assert_eq!(verdict(declared), "ok");
    assert_eq!(verdict(database.command(&["doctor", "--json"])), "ok");
}

#[tokio::test]
async fn statement_of_a_cancelled_request_is_cancelled_behind_a_pooler() {
    let pooler = Pooler::start(Cluster::get().await).await;
    let world = World::behind(&pooler, &["--request-timeout", "300ms"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    world.rest().get(&chat).await.expect(504);
    let running = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("nothing runs", async || sql.count(running) == 0).await;
    sql.run("ROLLBACK");
    world.rest().get(&chat).await.expect(200);
}
