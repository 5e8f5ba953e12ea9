//! Secrets that are reloaded from files while the service runs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Certificates, Cluster, Rest, SIGNING_KEY, Server, World, until};

const NEW_KEY: &str = "bmV3IGtleSBvZiB0aGUgdGVzdHM6IDE1NTUwMTAwNDAx";
const CHAT: &str = "/v1/chats/15550101844@c.us";

#[tokio::test]
async fn changed_database_url_is_used_unless_it_is_invalid() {
    let cluster = Cluster::get().await;
    let (first, second) = (cluster.migrated_database().await, cluster.migrated_database().await);
    let org = second.cli(&["org", "create", "--name", "Acme"]);
    let key = second.create_key(&org, "read", &[]);
    let folder = Certificates::new();
    let file = folder.path("url");
    replace(&file, &first.url);
    let mut command = first.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env_remove("SWITCHBOARD_DATABASE_URL").env("SWITCHBOARD_DATABASE_URL_FILE", &file);
    let server = Server::run(&command).await;
    let caller = Rest::new(server.address).token(&key);
    caller.get(CHAT).await.expect(401);

    // The key exists only in the second database.
    replace(&file, &second.url);
    until("the second database is used", async || caller.get(CHAT).await.status == 404).await;
    let as_superuser = first.url.replacen("switchboard@", "admin@", 1);
    for (invalid, expected) in
        [("nonsense", "SWITCHBOARD_DATABASE_URL in "), (as_superuser.as_str(), "NOBYPASSRLS")]
    {
        replace(&file, invalid);
        server.process.wait_for("a warning", |log| log.contains(expected).then_some(())).await;
        caller.get(CHAT).await.expect(404);
    }
    fs::remove_file(&file).expect("it was there");
    server.process.wait_for("a warning", |log| log.contains("cannot read ").then_some(())).await;
    caller.get(CHAT).await.expect(404);

    replace(&file, &first.url);
    until("the first database is used", async || caller.get(CHAT).await.status == 401).await;
    assert_eq!(server.process.terminate().await, 0, "{}", server.process.log());
}

#[tokio::test]
async fn changed_signing_keys_are_used_without_a_restart() {
    let world = World::start().await;
    for name in ["Alice", "Bob"] {
        world.chat(name).await;
    }
    let folder = Certificates::new();
    let (current, previous) = (folder.path("current"), folder.path("previous"));
    replace(&current, SIGNING_KEY);
    replace(&previous, SIGNING_KEY);
    let mut command = world.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env_remove("SWITCHBOARD_SIGNING_KEY").env("SWITCHBOARD_SIGNING_KEY_FILE", &current);
    command.env("SWITCHBOARD_PREVIOUS_SIGNING_KEY_FILE", &previous);
    let server = Server::run(&command).await;
    let mut command = world.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("SWITCHBOARD_SIGNING_KEY", NEW_KEY);
    let renewed = Server::run(&command).await;
    let [ours, theirs] = [&server, &renewed].map(|server| Rest::new(server.address).token(&world.org.key));

    let chats = format!("/api/v1/sessions/{}/chats?limit=1", world.org.sessions[0]);
    let cursor = async |caller: &Rest| {
        let page: Value = caller.get(&chats).await.expect(200).json();
        page["nextCursor"].as_str().expect("a second page").to_owned()
    };
    let old = cursor(&ours).await;
    theirs.get(format!("{chats}&cursor={old}")).await.expect(422);
    replace(&current, NEW_KEY);
    until("the new key is used", async || {
        let new = cursor(&ours).await;
        theirs.get(format!("{chats}&cursor={new}")).await.status == 200
    })
    .await;
    ours.get(format!("{chats}&cursor={old}")).await.expect(200);
    ours.get(format!("{chats}&cursor={}", cursor(&theirs).await)).await.expect(200);
}

/// Replaces a file atomically.
fn replace(file: &Path, text: &str) {
    let draft = file.with_extension("draft");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, file)).expect("a file");
}
