//! `switchboard demo`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use crate::support::{Cluster, Database, ROOT, Rest, SWITCHBOARD, Server};

/// A data directory, deleted after the test.
struct DataDir(PathBuf);

impl DataDir {
    fn new() -> Self {
        Self(env::temp_dir().join(format!("sb-demo-{}", uuid::Uuid::now_v7().simple())))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn demo(database: &Database, data_dir: &Path) -> Value {
    let data_dir = data_dir.to_str().expect("UTF-8");
    serde_json::from_str(&database.cli(&["demo", "--json", "--data-dir", data_dir])).expect("JSON")
}

#[tokio::test]
async fn demo_has_varied_data_and_is_created_once() {
    let database = Cluster::get().await.migrated_database().await;
    let data_dir = DataDir::new();
    let first = demo(&database, &data_dir.0);
    let mut sql = database.sql();
    for (at_least, what) in [
        (300, "chats"),
        (1500, "messages"),
        (10, "chats WHERE type = 'group'"),
        (10, "chats WHERE type = 'business'"),
        (50, "session_chats WHERE unread > 0"),
        (10, "session_chats WHERE archived"),
        (5, "session_chats WHERE pinned"),
        (10, "session_chats WHERE muted_until > now()"),
        (20, "messages WHERE type = 'image'"),
        (50, "chat_labels"),
        (50, "chats WHERE assignee IS NOT NULL"),
        (100, "session_chats WHERE last_message_at > now() - interval '3 days'"),
    ] {
        assert!(sql.count(what) >= at_least, "{what}: {}", sql.count(what));
    }
    assert_eq!(sql.count("messages WHERE sent_at > now()"), 0);

    // Later changes are kept.
    let org = first["orgId"].as_str().expect("an id");
    sql.run_as(org, "UPDATE session_chats SET archived = NOT archived");
    let before = sql.fingerprint();
    assert_eq!(demo(&database, &data_dir.0), first);
    assert_eq!(sql.fingerprint(), before);

    let file = data_dir.0.join("demo.key");
    assert_eq!(fs::metadata(&file).expect("the key's file").permissions().mode() & 0o777, 0o600);
    // A revoked key is replaced.
    sql.run_as(org, "UPDATE api_keys SET revoked_at = now()");
    assert_ne!(demo(&database, &data_dir.0)["apiKey"], first["apiKey"]);
}

#[tokio::test]
async fn demo_keeps_changes_and_restores_the_shown_chats() {
    let database = Cluster::get().await.migrated_database().await;
    let data_dir = DataDir::new();
    let made = demo(&database, &data_dir.0);
    let org = made["orgId"].as_str().expect("an id");
    let mut sql = database.sql();
    sql.run_as(org, "UPDATE members SET name = 'Changed', role = 'admin' WHERE email = 'agent@acme.example'");
    let person = "chat_key IN (SELECT chat_key FROM chats WHERE chat_id = '15550101000@c.us')";
    let messages = format!("messages WHERE {person}");
    let before = sql.count(&messages);
    assert!(before > 0);
    let session = made["sessions"][0]["sessionId"].as_str().expect("an id");
    let server = Server::start(&database, "127.0.0.1:0", &[]).await;
    let rest = Rest::new(server.address).token(made["apiKey"].as_str().expect("a key"));
    let path = format!("/api/v1/sessions/{session}/chats/15550101000@s.whatsapp.net");
    rest.delete(&path).await.expect(204);
    rest.get(&path).await.expect(404);
    demo(&database, &data_dir.0);
    rest.get(&path).await.expect(200);
    assert_eq!(sql.count(&messages), before);
    let kept = "members WHERE name = 'Changed' AND role = 'admin'";
    assert_eq!(sql.count(kept), 1);

    // Keys of a disabled organization are rejected, so none is printed.
    database.cli(&["org", "disable", org]);
    let rejected = database.command(&["demo"]).env("SWITCHBOARD_DATA_DIR", &data_dir.0).output();
    let rejected = rejected.expect("the binary");
    assert_eq!((rejected.status.code(), rejected.stdout), (Some(1), Vec::new()));
    let output = String::from_utf8_lossy(&rejected.stderr).into_owned();
    assert!(
        output.contains("disabled") && output.contains(&format!("switchboard org enable {org}")),
        "{output}"
    );
}

#[tokio::test]
async fn demo_prints_the_serve_command_and_readme_matches_it() {
    let database = Cluster::get().await.migrated_database().await;
    let data_dir = DataDir::new();
    let data_dir = data_dir.0.to_str().expect("UTF-8");
    let output = database.cli(&["demo", "--data-dir", data_dir]);
    let command = output.lines().find(|line| line.contains(" serve")).expect("a line that serves it");
    assert!(command.starts_with(&format!("{SWITCHBOARD} serve ")), "{command}");
    assert!(command.contains(&format!(" --data-dir {data_dir}")), "{command}");
    assert!(command.contains("--database-url \"$SWITCHBOARD_DATABASE_URL\""), "{command}");
    assert!(!output.contains(&database.url), "{output}");
    let output = database.cli(&["demo", "--data-dir", data_dir, "--served-next"]);
    assert!(!output.contains(" serve"), "{output}");

    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md");
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || "@.".contains(c)));
    let mut named = 0;
    for word in words {
        let Some((user, server)) = word.split_once('@') else { continue };
        let what = match server {
            "c.us" | "s.whatsapp.net" => format!("chats WHERE chat_id = '{user}@c.us'"),
            "acme.example" => format!("members WHERE email = '{word}'"),
            _ => continue,
        };
        assert_eq!(database.sql().count(&what), 1, "{word}");
        named += 1;
    }
    assert!(named > 3, "{named}");
}
