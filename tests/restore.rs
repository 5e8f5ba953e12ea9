//! A restored backup serves the same data; the steps are those of `docs/operations.md`.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};
use switchboard::pb::{ChatChange, WatchChatsRequest};
use tonic::Code;

use crate::support::{Chat, Cluster, Database, World, postgres_programs};
use crate::watch;

/// A temporary directory, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("sb-restore-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(postgres_programs().join(program)).args(args).output().expect(program);
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A database that is restored from the file.
async fn restored(file: &str) -> Database {
    let database = Cluster::get().await.empty_database();
    run("pg_restore", &["--exit-on-error", "--jobs=2", "--dbname", &database.admin_url(), file])
        .expect("pg_restore");
    database
}

/// Responses of both APIs that cover all data.
async fn answers(world: &World, demo: &Value) -> Vec<Value> {
    let caller = world.anonymous().token(demo["apiKey"].as_str().expect("a key"));
    let mut answers = Vec::new();
    for path in [
        "/v1/chats?limit=100",
        "/v1/chats/messages?limit=100",
        "/v1/chats/messages:search?query=order",
        "/api/v1/sessions",
        "/api/v1/organization/members",
        "/api/v1/organization/labels",
    ] {
        answers.push(caller.get(path).await.expect(200).json());
    }
    answers
}

async fn note(world: &World, chat: &Chat, note: &str) {
    world.rest().patch(chat, json!({"custom_properties": {"note": note}})).await.expect(200);
}

fn after(resume_token: &str) -> WatchChatsRequest {
    WatchChatsRequest { resume_token: resume_token.to_owned(), ..Default::default() }
}

/// The first change after the token, and its own token.
async fn next_change(world: &World, resume_token: &str) -> (ChatChange, String) {
    let mut watch = world.grpc_chat().watch_chats(after(resume_token)).await.expect("a watch").into_inner();
    let message = watch::next_with_change(&mut watch).await;
    (message.change.expect("a change"), message.resume_token)
}

/// A resume token of the present position.
async fn now(world: &World) -> String {
    let mut watch = world.grpc_chat().watch_chats(after("")).await.expect("a watch").into_inner();
    watch::next(&mut watch).await.resume_token
}

#[tokio::test]
async fn restored_database_serves_the_same_responses() {
    let (world, folder) = (World::start().await, Folder::new());
    let demo = world.cli(&["demo", "--json", "--data-dir", &folder.file("demo")]);
    let demo: Value = serde_json::from_str(&demo).expect("JSON");
    // The simulator changes what it is connected to.
    world.admin().run("DELETE FROM connections");
    let chat = world.chat("Alice").await;
    let begun = now(&world).await;
    note(&world, &chat, "before").await;
    let (before, known) = next_change(&world, &begun).await;

    // Row level security hides rows from the owner.
    let file = folder.file("switchboard.dump");
    let dump = |url: &str| run("pg_dump", &["--format=custom", "--file", &file, "--dbname", url]);
    assert!(dump(&world.database.owner_url()).expect_err("refused").contains("row-level security"));
    dump(&world.database.admin_url()).expect("pg_dump");
    let rows = world.sql().fingerprint();
    let expected = answers(&world, &demo).await;
    note(&world, &chat, "lost").await;
    let (_, ahead) = next_change(&world, &known).await;

    let elsewhere = world.on(restored(&file).await, &[]).await;
    assert_eq!(elsewhere.sql().fingerprint(), rows);
    assert_eq!(answers(&elsewhere, &demo).await, expected);
    elsewhere.cli(&["doctor"]);
    let unforced = "pg_class WHERE relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)
         AND oid IN (SELECT attrelid FROM pg_attribute WHERE attname = 'org_id')
         AND relnamespace = 'public'::regnamespace";
    assert_eq!(elsewhere.sql().count(unforced), world.sql().count(unforced));

    // A watch resumes at every position that the backup contains.
    assert_eq!(next_change(&elsewhere, &begun).await.0, before);
    let refused = elsewhere.grpc_chat().watch_chats(after(&ahead)).await.expect_err("beyond the end");
    assert_eq!(refused.code(), Code::OutOfRange);
    // After skipping numbers that may have been sent, a watch resumes from a position beyond the backup.
    elsewhere.admin().run(
        "INSERT INTO event_heads (org_id, bucket, last) SELECT org_id, bucket, 100000 FROM orgs, generate_series(0, 15) bucket
         ON CONFLICT (org_id, bucket) DO UPDATE SET last = event_heads.last + 100000",
    );
    note(&elsewhere, &chat, "anew").await;
    let (anew, _) = next_change(&elsewhere, &ahead).await;
    assert!(anew.id > before.id + 100_000, "{anew:?}");
}
