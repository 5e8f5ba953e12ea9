//! `switchboard demo`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use crate::support::{Cluster, Database};

/// A data directory that goes with the test.
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
async fn the_demo_is_lively_and_comes_only_once() {
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

    // What was changed since is left alone.
    let org = first["orgId"].as_str().expect("an id");
    sql.run_as(org, "UPDATE session_chats SET archived = NOT archived");
    let before = sql.fingerprint();
    assert_eq!(demo(&database, &data_dir.0), first);
    assert_eq!(sql.fingerprint(), before);

    let file = data_dir.0.join("demo.key");
    assert_eq!(fs::metadata(&file).expect("the key's file").permissions().mode() & 0o777, 0o600);
    // A key that no longer works is replaced.
    sql.run_as(org, "UPDATE api_keys SET revoked_at = now()");
    assert_ne!(demo(&database, &data_dir.0)["apiKey"], first["apiKey"]);
}
