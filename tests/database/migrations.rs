//! Migrations beside a running service, and the rules for migrations after the first ones.

mod rules;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use diesel_migrations::FileBasedMigrations;
use serde_json::json;
use switchboard::config::Secret;
use switchboard::store::migrations;
use tokio_util::sync::CancellationToken;

use crate::support::{Cluster, World, until};

/// How long a transaction reads a table, longer than any call may take; 30 seconds with `SOAK` set.
fn reading() -> Duration {
    Duration::from_secs(if std::env::var_os("SOAK").is_some() { 30 } else { 8 })
}

/// A folder with one migration, removed when dropped.
struct Source(PathBuf);

impl Source {
    fn new(up: &str, in_transaction: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("sb-migrations-{}", uuid::Uuid::now_v7().simple()));
        let migration = folder.join("9999-01-01-000001_test");
        fs::create_dir_all(&migration).expect("a folder");
        fs::write(migration.join("up.sql"), up).expect("a file");
        fs::write(migration.join("down.sql"), "SELECT 1").expect("a file");
        if !in_transaction {
            fs::write(migration.join("metadata.toml"), "run_in_transaction = false").expect("a file");
        }
        Self(folder)
    }

    fn migrations(&self) -> FileBasedMigrations {
        FileBasedMigrations::from_path(&self.0).expect("migrations")
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migration_beside_a_long_reader_stops_no_call() {
    let world = World::start().await;
    let chat = world.chat("Alice").await;
    for (up, in_transaction) in [
        ("ALTER TABLE chats ADD COLUMN added text", true),
        ("CREATE INDEX CONCURRENTLY added_index ON chats (added)", false),
    ] {
        let source = Source::new(up, in_transaction);
        let mut reader = world.admin();
        // Its snapshot is held to the end.
        reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM chats");
        let (url, from) = (Secret::new(world.database.owner_url()), source.migrations());
        let migrating = tokio::spawn(async move { migrations::up_from(&url, from).await });
        let over = CancellationToken::new();
        let calling = tokio::spawn({
            let (rest, chat, over) = (world.rest(), chat.clone(), over.clone());
            async move {
                let mut longest = Duration::ZERO;
                while !over.is_cancelled() {
                    let begun = Instant::now();
                    rest.get(&chat).await.expect(200);
                    rest.patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(200);
                    longest = longest.max(begun.elapsed());
                }
                longest
            }
        });
        tokio::time::sleep(reading()).await;
        assert!(!migrating.is_finished(), "the reader blocks it: {up}");
        reader.run("ROLLBACK");
        let applied = migrating.await.expect("a task").expect("migrated");
        over.cancel();
        let longest = calling.await.expect("calls");
        assert_eq!(applied, ["9999-01-01-000001_test"], "{up}");
        assert!(longest < Duration::from_secs(5), "{longest:?}: {up}");
        world.admin().run("DELETE FROM __diesel_schema_migrations WHERE version LIKE '9999%'");
    }
    assert_eq!(world.admin().count("pg_index WHERE NOT indisvalid"), 0);
}

#[tokio::test]
async fn killed_migration_does_not_block_the_next() {
    let database = Cluster::get().await.migrated_database().await;
    let mut blocker = database.admin();
    blocker.run("BEGIN; LOCK TABLE __diesel_schema_migrations");
    let mut command = database.command(&["migrate", "up"]);
    command.env("SWITCHBOARD_DATABASE_URL", database.owner_url());
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary");
    let mut observer = database.admin();
    let locks = "pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until("it has the lock", async || observer.count(locks) == 1).await;
    killed.kill().expect("it runs");
    killed.wait().expect("a child");
    until("the lock is free", async || observer.count(locks) == 0).await;
    blocker.run("ROLLBACK");
    database.migrate();
}

#[tokio::test]
async fn new_tables_are_not_known_as_empty() {
    let database = Cluster::get().await.empty_database();
    database.migrate();
    // A statement is planned once for each connection, and may be before its tables have rows.
    let known = "pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples = 0";
    assert_eq!(database.admin().count(known), 0);
}
