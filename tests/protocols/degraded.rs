//! Requests while the database is locked, slow or read-only, and recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use switchboard::config::Secret;
use switchboard::error::Kind;
use switchboard::store::{Connection, PoolOptions, Store};
use tokio::task::JoinSet;

use crate::support::{Chat, Cluster, World, until};

const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test]
async fn statement_of_a_cancelled_request_is_cancelled() {
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
async fn authentication_works_while_all_connections_are_in_use() {
    let args = ["--database-pool-size", "1", "--database-acquire-timeout", "250ms"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let chat = world.chat("Alice").await;
    let reader = world.anonymous().token(&world.key("read").await);
    // Within a transaction, pg_stat_activity is a snapshot.
    let [mut sql, mut observer] = [world.sql(), world.sql()];
    sql.run("BEGIN; LOCK TABLE chats");
    let waiting = tokio::spawn({
        let (rest, chat) = (world.rest(), chat.clone());
        async move { rest.get(&chat).await }
    });
    let running = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("a call holds the connection", async || observer.count(running) == 1).await;
    // The capabilities decide, so no other lookup is needed.
    reader.patch(&chat, json!({"labels": "vip"})).await.expect(403);
    sql.run("ROLLBACK");
    waiting.await.expect("a call").expect(200);
}

#[tokio::test]
async fn slow_requests_of_one_organization_do_not_delay_others() {
    let args =
        ["--database-pool-size", "4", "--database-acquire-timeout", "250ms", "--request-timeout", "60s"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    // A role that bypasses row level security.
    let (mut sql, mut observer) = (world.admin(), world.sql());
    sql.run("BEGIN");
    sql.run(&format!(
        "SELECT FROM chats WHERE org_id = '{}' AND chat_id = '{}' FOR UPDATE",
        world.org.id, chat.id
    ));
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (rest, chat) = (world.rest(), chat.clone());
            tokio::spawn(async move { rest.patch(&chat, json!({"labels": "vip"})).await })
        })
        .collect();
    let running = world.database.waiting_for_rows();
    until("calls hold connections", async || observer.count(running) >= 3).await;
    let other = world.rest().token(&world.other.key);
    for _ in 0..20 {
        other.get(&others).await.expect(200);
        tokio::time::sleep(PAUSE).await;
    }
    sql.run("ROLLBACK");
    for call in waiting {
        // Some found no connection within the acquire timeout.
        assert!([200, 503].contains(&call.await.expect("a call").status));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_work_is_not_executed() {
    let database = Cluster::get().await.migrated_database().await;
    // Work takes about as long as the acquire timeout, so that it often begins just when its caller gives up.
    let wait = Duration::from_millis(1);
    let options = PoolOptions { acquire_timeout: wait, ..PoolOptions::background(8) };
    let store = Store::new(Secret::new(&database.url), options);
    let begun = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let (store, begun) = (store.clone(), begun.clone());
        callers.spawn(async move {
            let mut done = 0;
            for _ in 0..1000 {
                let begun = begun.clone();
                let work = move |_: &mut Connection| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    std::thread::park_timeout(wait / 3);
                    Ok(())
                };
                match store.read(work).await {
                    Ok(()) => done += 1,
                    Err(error) => assert_eq!(error.kind(), Kind::Overloaded, "{error}"),
                }
            }
            done
        });
    }
    let done: usize = callers.join_all().await.into_iter().sum();
    assert!(done > 0 && done < 64_000, "of both: {done}");
    assert_eq!(begun.load(Ordering::Relaxed), done);
}

#[tokio::test]
async fn write_survives_a_lock_longer_than_the_lock_timeout() {
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

/// On a server of its own, because distributed tables have no triggers.
#[tokio::test]
async fn deadlock_is_retried_in_any_server_language() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &[]).await;
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
async fn connections_to_a_read_only_server_are_closed() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    let mut admin = world.admin();
    let database = admin.value("SELECT current_database()");
    let database = database.as_str().expect("a name");
    admin.run(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'switchboard' AND datname = current_database()");
    let write =
        async || world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await.status;
    // As after a failover: new connections reach a read-only server.
    for _ in 0..10 {
        let status = write().await;
        assert_eq!(status, 503, "{}", world.log());
    }
    admin.run(&format!("ALTER DATABASE {database} RESET default_transaction_read_only"));
    // Old connections would stay read-only: those that accept a write are new.
    until("a write is done", async || write().await == 200).await;
}

async fn note(world: &World, chat: &Chat) -> String {
    let chat = world.rest().get(chat).await.expect(200).json();
    chat["custom_properties"][&world.org.note].as_str().unwrap_or_default().to_owned()
}
