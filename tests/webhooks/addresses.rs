//! The addresses that endpoints may have.

use serde_json::{Value, json};

use super::{ROOT, change, create, manager, wait_for};
use crate::support::World;
use crate::webhooks::receiver::Receiver;

#[tokio::test]
async fn private_addresses_are_rejected_by_default() {
    let urls = [
        "http://hooks.acme.example/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://LocalHost/",
        "https://api.localhost./",
    ];
    assert_rejects(&[], "https", &urls).await;
}

#[tokio::test]
async fn private_networks_exclude_loopback_and_link_local() {
    let urls = [
        "http://127.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://localhost/",
    ];
    let world = assert_rejects(&["--webhook-allow-private-networks"], "http", &urls).await;
    create(&manager(&world).await, json!({"url": "http://10.0.0.1/", "enabled": false})).await;
}

/// A server with these arguments rejects the URLs, and sends nothing to a host name that resolves to this machine.
async fn assert_rejects(args: &[&str], scheme: &str, urls: &[&str]) -> World {
    let args = [&["--webhook-max-attempts", "1"], args].concat();
    let world = World::start_with("127.0.0.1:0", &args).await;
    let (caller, receiver) = (manager(&world).await, Receiver::start().await);
    let chat = world.chat("A").await;
    for url in urls {
        let rejected = caller.json("POST", ROOT, json!({"url": url}).to_string()).await.expect(422).json();
        let details = &rejected["error"]["details"]["url"];
        assert!(details.is_string() || details.is_array(), "{url}: {rejected}");
    }
    let url = "https://hooks.acme.example/";
    let (id, _) = create(&caller, json!({"url": url, "actions": ["state"]})).await;
    let host = format!("localhost:{}", receiver.address.port());
    let resolves_here = format!("UPDATE webhooks SET url = '{scheme}://{host}/' WHERE webhook_id = '{id}'");
    world.sql().run_as(&world.org.id, &resolves_here);
    change(&world, &chat, 1).await;
    let dead = wait_for(&caller, &id, "dead", 1).await;
    assert_eq!(
        (&dead[0]["status"], &dead[0]["error"]),
        (&Value::Null, &json!("the address is not a public one"))
    );
    assert_eq!(receiver.posts().len(), 0);
    world
}
