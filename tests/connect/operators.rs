//! Connections as operators manage them: the command line, and several instances.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::inbound::{connect, message, messages_named, post, world};
use crate::support::{Rest, Server, World, until};

const HOST: [&str; 2] = ["--connection-host", "127.0.0.1"];

#[tokio::test]
async fn another_instance_serves_a_connection_within_ten_seconds() {
    let world = world().await;
    let (_, path) = connect(&world, "http://127.0.0.1:9").await;
    let second = Server::start(&world.database, "127.0.0.1:0", &HOST).await;
    let other = Rest::new(second.address);
    post(&world.anonymous(), &path, &message("3EB0ONE", "15550103010")).await.expect(200);
    until("it is stored", async || messages_named(&world, "3EB0ONE") == 1).await;
    // The first instance holds the lease, the second one receives.
    post(&other, &path, &message("3EB0TWO", "15550103010")).await.expect(200);
    let took = until("it is stored", async || messages_named(&world, "3EB0TWO") == 1).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let process = i32::try_from(world.process_id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(process, Signal::KILL).expect("it runs");
    let killed = Instant::now();
    post(&other, &path, &message("3EB0THREE", "15550103010")).await.expect(200);
    until("it is stored", async || messages_named(&world, "3EB0THREE") == 1).await;
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
}

#[tokio::test]
async fn connection_is_not_served_while_its_organization_is_disabled() {
    let world = world().await;
    let (id, _) = connect(&world, "http://127.0.0.1:9").await;
    let held = format!("connections WHERE connection_id = '{id}' AND holder IS NOT NULL");
    until("it is served", async || world.sql().count(&held) == 1).await;
    world.cli(&["org", "disable", &world.org.id]);
    let took = until("it is released", async || world.sql().count(&held) == 0).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    // Longer than the pause between searches.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.sql().count(&held), 0);
    world.cli(&["org", "enable", &world.org.id]);
    until("it is served again", async || world.sql().count(&held) == 1).await;
}

#[tokio::test]
async fn operator_manages_connections_on_the_command_line() {
    let world = World::start().await;
    let org = world.org.id.as_str();
    let create = |kind: &str, more: &[&str]| {
        let noun = ["connection", "create", kind, "--org", org];
        world.cli(&[&noun[..], more, &HOST[..]].concat())
    };
    let url = ["--public-url", "https://inbox.acme.example"];
    let gateway = ["--session", "15550100466", "--url", "http://127.0.0.1:9/", "--key", "canary-of-the-key"];
    let printed = create("waha", &[&gateway[..], &url].concat());
    let (id, webhook) = printed.split_once('\n').expect("two lines");
    assert_eq!(webhook.trim(), format!("https://inbox.acme.example/connect/waha/{id}"));
    assert_eq!(world.sql().count("sessions WHERE phone = '15550100466'"), 1, "the number is attached");
    let list = world.cli(&["connection", "list", "--org", org, "--json"]);
    let list: Vec<Value> = serde_json::from_str(&list).expect("JSON");
    let ours = list.iter().find(|one| one["connectionId"] == id).expect("our connection");
    assert_eq!((&ours["url"], &ours["account"]), (&json!("http://127.0.0.1:9"), &json!("default")));
    assert!(!format!("{list:?}").contains("canary-of-the-key"));

    let rejected = |kind: &str, more: &[&str]| {
        let noun = ["connection", "create", kind, "--org", org, "--session", "15550100467"];
        let output = world.command(&[&noun[..], more, &HOST[..]].concat()).output().expect("the binary");
        assert!(!output.status.success(), "{kind} {more:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (kind, more, expected) in [
        ("whatsapp", &[][..], "KIND must be one of waha, cloud_api, simulator, external"),
        ("waha", &[], "--url must be set for this kind"),
        ("cloud_api", &["--account", "1065", "--key", "k"], "--webhook-secret must be set for this kind"),
    ] {
        let error = rejected(kind, more);
        assert!(error.contains(expected), "{error}");
    }

    world.cli(&["connection", "sync", id]);
    assert_eq!(world.cli(&["connection", "events", &world.org.connection]).lines().count(), 1);
    assert_eq!(world.cli(&["connection", "replay", &world.org.connection]).trim(), "1");
    world.cli(&["connection", "delete", id]);
    assert!(!world.cli(&["connection", "list", "--org", org]).contains(id));
}
