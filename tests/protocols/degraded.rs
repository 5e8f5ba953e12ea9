//! What callers meet while the database is locked, slow or takes no writes, and that all is well after it.

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
async fn who_is_calling_is_found_out_also_while_all_connections_are_in_use() {
    let args = ["--database-pool-size", "1", "--database-acquire-timeout", "250ms"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let chat = world.chat("Alice").await;
    let reader = world.anonymous().token(&world.key("read").await);
    // A transaction sees who is active as it was when it first looked.
    let [mut sql, mut look] = [world.sql(), world.sql()];
    sql.run("BEGIN; LOCK TABLE chats");
    let waiting = tokio::spawn({
        let (rest, chat) = (world.rest(), chat.clone());
        async move { rest.get(&chat).await }
    });
    let running = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("a call holds the connection", async || look.count(running) == 1).await;
    // What the key may do is known, so nothing else is asked for.
    reader.patch(&chat, json!({"labels": "vip"})).await.expect(403);
    sql.run("ROLLBACK");
    waiting.await.expect("a call").expect(200);
}

#[tokio::test]
async fn nobody_waits_for_what_another_organization_has_running() {
    let args =
        ["--database-pool-size", "4", "--database-acquire-timeout", "250ms", "--request-timeout", "60s"];
    let world = World::start_with("127.0.0.1:0", &args).await;
    let (chat, others) = (world.chat("Alice").await, world.chat_of(&world.other, "Bob").await);
    // The one that row level security does not bind.
    let (mut sql, mut look) = (world.admin(), world.sql());
    sql.run("BEGIN");
    sql.run(&format!("SELECT FROM chats WHERE chat_id = '{}' FOR UPDATE", chat.id));
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (rest, chat) = (world.rest(), chat.clone());
            tokio::spawn(async move { rest.patch(&chat, json!({"labels": "vip"})).await })
        })
        .collect();
    let running = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("calls hold connections", async || look.count(running) >= 3).await;
    let other = world.rest().token(&world.other.key);
    for _ in 0..20 {
        other.get(&others).await.expect(200);
        tokio::time::sleep(PAUSE).await;
    }
    sql.run("ROLLBACK");
    for call in waiting {
        // Those that found no connection in time were told so.
        assert!([200, 503].contains(&call.await.expect("a call").status));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_as_not_done_is_not_done() {
    let database = Cluster::get().await.migrated_database().await;
    // Work takes about as long as callers wait, so that it often begins just when its caller gives up.
    let wait = Duration::from_millis(1);
    let options = PoolOptions { size: 8, acquire_timeout: wait, statement_timeout: None };
    let store = Store::new(&Secret::new(&database.url), options);
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

async fn note(world: &World, chat: &Chat) -> String {
    let chat = world.rest().get(chat).await.expect(200).json();
    chat["custom_properties"][&world.org.note].as_str().unwrap_or_default().to_owned()
}
