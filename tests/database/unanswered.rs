//! Servers that accept connections and do not answer: one that hangs, and the machine of a former primary.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Chat, Cluster, Database, World, until};

const REPLICATED: [&str; 3] = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];
const FLAGS: [&str; 2] = ["--database-acquire-timeout", "250ms"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_does_not_answer_delays_no_connection() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &[]).await;
    let chat = world.chat("Alice").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut database = world.database.clone();
    let (_, socket) = world.database.url.split_once("?host=").expect("a socket");
    let target = "target_session_attrs=read-write";
    database.url = database
        .url
        .replace(&format!("host={socket}"), &format!("host=127.0.0.1,{socket}&port={port},5432&{target}"));
    let without = time_to_serve(&world, world.database.clone(), &chat).await;
    let took = time_to_serve(&world, database, &chat).await;
    // libpq would wait five seconds for each connection.
    assert!(took < without + Duration::from_secs(4), "{took:?}, and {without:?} without it");
}

/// How long a server on that database takes to start and to answer calls, which open connections of their own.
async fn time_to_serve(world: &World, database: Database, chat: &Chat) -> Duration {
    let begun = Instant::now();
    let world = world.on(database, &FLAGS).await;
    let caller = world.rest();
    let calls = (0..8).map(|_| async { caller.get(chat).await.expect(200) });
    join_all(calls).await;
    begun.elapsed()
}

/// All connections wait for the former primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_primary_is_abandoned_for_the_new_one() {
    no_write_reaches_a_former_primary(8, false).await;
}

/// All connections wait for the former primary but that of the next readiness check, which reaches the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_former_primary_are_replaced_at_once() {
    no_write_reaches_a_former_primary(0, true).await;
}

/// One connection waits for the former primary while others are opened to the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_to_a_former_primary_is_not_used_again() {
    no_write_reaches_a_former_primary(1, false).await;
}

/// Pauses the primary for that many writes, or while calls wait on all connections, and continues it when another server has
/// taken over.
async fn no_write_reaches_a_former_primary(lost_writes: usize, is_occupied: bool) {
    let primary = Cluster::start(&REPLICATED).await;
    let first = World::alone_in(&primary, &[]).await;
    let chat = first.chat("Alice").await;
    let standby = primary.standby(&REPLICATED).await;
    let replica = standby.replica_of(&first.database);
    let args = [&FLAGS[..], &["--request-timeout", "1s", "--database-pool-size", "4"]].concat();
    let world = first.on(standby.beside(&first.database), &args).await;
    first.stop().await;
    let write = async |note: &str| {
        world.rest().patch(&chat, json!({"custom_properties": {"note": note}})).await.status
    };
    assert_eq!(write("first").await, 200);

    // As many calls as there are connections, and each key is looked up.
    let keys = [(); 8].map(|()| world.database.create_key(&world.org.id, "read", &[]));
    let read = async |key: &String| world.anonymous().token(key).get(&chat).await.status;
    let calls = async |note: &str, keys: &[String]| {
        let known = join_all((0..8).map(|_| read(&world.org.key)));
        let writes = join_all((0..8).map(|_| write(note)));
        let (unknown, known, writes) = tokio::join!(join_all(keys.iter().map(read)), known, writes);
        [unknown, known, writes].concat()
    };
    if is_occupied {
        calls("opens connections", &keys[..4]).await;
    }

    let paused = primary.pause();
    for _ in 0..lost_writes {
        let status = write("lost").await;
        assert!([503, 504].contains(&status), "{status}");
    }
    if is_occupied {
        let statuses = calls("lost", &keys[4..]).await;
        assert!(statuses.iter().all(|status| [503, 504].contains(status)), "{statuses:?}");
    }
    standby.promote().await;
    until("a write is done", async || write("second").await == 200).await;
    until("ready", async || world.anonymous().get("/readyz").await.status == 200).await;
    // Nothing goes back to the former primary.
    drop(paused);
    for number in 0..20 {
        assert_eq!(write(&format!("third {number}")).await, 200, "{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(replica.sql().count("events WHERE changes::text LIKE '%third%'"), 20);

    let _paused = standby.pause();
    until("the reason", async || {
        let answer = world.anonymous().get("/readyz").await;
        let readyz: Value = answer.json();
        answer.status == 503
            && readyz["checks"]["database"].as_str().is_some_and(|reason| reason.contains("former primary"))
    })
    .await;
}
