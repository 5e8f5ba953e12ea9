//! What callers meet while the database is gone, stands still or takes no writes, and that all is well after it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use prost::Message;
use serde_json::{Value, json};
use switchboard::pb::GetChatRequest;
use tokio::task::JoinSet;

use crate::support::{Chat, Cluster, Door, Rest, World, frame};

const PAUSE: Duration = Duration::from_millis(20);

/// Neither a fault of ours (500) nor of the caller's.
const POLITE: [u16; 3] = [200, 503, 504];

#[tokio::test]
async fn a_database_that_is_killed_costs_no_acknowledged_write_and_no_restart() {
    let mut cluster = Cluster::start(&["synchronous_commit=on"]).await;
    let world = World::alone_in(&cluster, &["--database-wait", "250ms"]).await;
    let chat = world.chat("Alice").await;
    let (mut told, mut statuses) = (0, BTreeSet::new());
    let mut write = async |number: u64| {
        let note = json!({"custom_properties": {"note": number.to_string()}});
        let status = world.rest().patch(&chat, note).await.status;
        statuses.insert(status);
        if status == 200 {
            told = number;
        }
        status
    };
    let mut number = 1;
    assert_eq!(write(number).await, 200);
    cluster.kill();
    until("the service is not ready", async || {
        number += 1;
        write(number).await;
        readiness(&world).await.0 == 503
    })
    .await;
    assert_eq!(readiness(&world).await.1["checks"]["database"], "unreachable");
    assert_eq!(world.anonymous().get("/livez").await.status, 200);
    cluster.revive().await;
    until("a write is done", async || {
        number += 1;
        write(number).await == 200
    })
    .await;
    until("the service is ready", async || readiness(&world).await.0 == 200).await;
    assert_eq!(note(&world, &chat).await, told.to_string());
    assert!(statuses.iter().all(|status| POLITE.contains(status)), "{statuses:?}\n{}", world.log());
}

#[tokio::test]
async fn while_the_database_stands_still_every_call_is_answered_and_nothing_piles_up() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &["--request-timeout", "1s", "--database-wait", "250ms"]).await;
    let chat = world.chat("Alice").await;
    world.rest().get(&chat).await.expect(200);
    let threads = world.threads();
    let paused = cluster.pause();
    for _ in 0..3 {
        let call = |rest: Rest, path: String| async move { rest.get(path).await.status };
        let calls: JoinSet<_> = (0..50).map(|_| call(world.rest(), chat.path.clone())).collect();
        let answers = calls.join_all().await;
        assert!(answers.iter().all(|status| [503, 504].contains(status)), "{answers:?}");
        let request = GetChatRequest { chat_id: chat.id.clone() };
        for door in [Door::Grpc, Door::GrpcWeb] {
            let message = frame(&request.encode_to_vec());
            let code = world.rpc(door).call("/switchboard.v1.ChatService/GetChat", message).await.code;
            assert!([4, 8, 14].contains(&code.unwrap_or_default()), "{door:?}: {code:?}");
        }
        assert_eq!(world.anonymous().get("/livez").await.status, 200);
    }
    until("the service is not ready", async || readiness(&world).await.0 == 503).await;
    // Those that wait for the database, and those that try to open connections to it.
    let most = threads + 2 * std::thread::available_parallelism().map_or(1, usize::from) + 3;
    assert!(world.threads() <= most, "{} threads, {threads} before", world.threads());
    drop(paused);
    until("a call is served", async || world.rest().get(&chat).await.status == 200).await;
}

#[tokio::test]
async fn what_a_call_leaves_running_is_ended_by_the_database() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "300ms"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    world.rest().get(&chat).await.expect(504);
    let running = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("nothing runs", async || sql.count(running) == 0).await;
    sql.run("ROLLBACK");
    world.rest().get(&chat).await.expect(200);
}

#[tokio::test]
async fn a_write_outlasts_a_lock_that_is_held_longer_than_a_statement_waits() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "60s"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats IN EXCLUSIVE MODE");
    let writing = async { world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await };
    let holding = async {
        // Longer than `lock_timeout`.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        sql.run("ROLLBACK");
    };
    let (answer, ()) = tokio::join!(writing, holding);
    answer.expect(200);
}

#[tokio::test]
async fn a_deadlock_is_tried_again_whatever_language_the_server_speaks() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    world.admin().run(
        "CREATE SEQUENCE tried;
         CREATE FUNCTION deadlock_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
            IF nextval('tried') = 1 THEN
                RAISE EXCEPTION 'Verklemmung (Deadlock) entdeckt' USING ERRCODE = 'deadlock_detected';
            END IF;
            RETURN NEW;
         END $$;
         CREATE TRIGGER deadlock_once BEFORE INSERT OR UPDATE ON chat_properties
            FOR EACH ROW EXECUTE FUNCTION deadlock_once()",
    );
    world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(200);
    assert_eq!(note(&world, &chat).await, "new");
    assert_eq!(world.admin().value("SELECT last_value FROM tried"), 2);
}

#[tokio::test]
async fn connections_to_a_server_that_takes_no_writes_are_given_up() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let mut admin = world.admin();
    let database = admin.value("SELECT current_database()");
    let database = database.as_str().expect("a name");
    admin.run(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'switchboard' AND datname = current_database()");
    let write =
        async || world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await.status;
    // As after a failover: new connections lead to a server that only reads.
    for _ in 0..10 {
        let status = write().await;
        assert_eq!(status, 503, "{}", world.log());
    }
    admin.run(&format!("ALTER DATABASE {database} RESET default_transaction_read_only"));
    // Connections that were there would go on refusing: those that take a write are new.
    until("a write is done", async || write().await == 200).await;
}

/// Waits until it is so. Machines that run tests are busy: far longer than it takes.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn readiness(world: &World) -> (u16, Value) {
    let answer = world.anonymous().get("/readyz").await;
    (answer.status, answer.json())
}

async fn note(world: &World, chat: &Chat) -> String {
    let chat = world.rest().get(chat).await.expect(200).json();
    chat["custom_properties"][&world.org.note].as_str().unwrap_or_default().to_owned()
}
