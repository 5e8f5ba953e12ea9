//! What waits to be sent and what failed, in the inbox of those who manage.

use serde_json::{Value, json};
use switchboard::pb::commands_request::outcome::Result as Reported;

use crate::connect::connector::Connector;
use crate::support::{World, until};

use super::{must_be_ok, node};

/// Nothing listens there.
const GATEWAY: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn the_inbox_shows_queues_and_errors_to_those_who_manage() {
    let world = World::start_with("127.0.0.1:0", &["--connection-host", "127.0.0.1"]).await;
    world.admin().run("DELETE FROM sends; DELETE FROM connections");
    let [first, second] = &world.org.sessions;
    let connections = [
        json!({"kind": "external", "sessionId": first}),
        json!({"kind": "waha", "sessionId": second, "url": GATEWAY}),
    ];
    let manager = world.anonymous().token(&world.key("read,send,manage").await);
    for connection in connections {
        manager.json("POST", "/api/v1/connections", connection.to_string()).await.expect(201);
    }
    let chat = world.chat("Asha Rao").await;
    let send = async |session: &str, jid: &str, text: &str| -> Value {
        let body = json!({"jid": jid, "text": text}).to_string();
        let path = format!("/api/v1/sessions/{session}/messages");
        manager.json("POST", path, body).await.expect(202).json()
    };
    // The connector rejects one, and does not come back for the others.
    send(first, &chat.jid, "The number was wrong").await;
    let mut connector = Connector::open(&world.url(), &world.key("ingest").await, first).await;
    let command = connector.next().await;
    connector.report(&command, Reported::Failed("131026 no such number".to_owned())).await;
    until("the send failed", async || world.sql().count("sends WHERE state = 'failed'") == 1).await;
    drop(connector);
    for text in ["See you at three", "Or at four"] {
        send(first, &chat.jid, text).await;
    }
    send(second, "15550107777@s.whatsapp.net", "Good morning").await;
    until("the gateway was tried", async || {
        world.sql().count("sends WHERE attempts > 0 AND state = 'queued'") == 1
    })
    .await;

    let mut client = node("web/inbox-numbers.mjs");
    client.env("SERVICE", world.url()).env("TOKEN", world.key("read,send,manage").await);
    client.env("AGENT", world.key("read,send").await).env("READER", world.key("read,manage").await);
    client.env("EMAIL", &world.org.members[0]).env("CHAT", &chat.jid);
    must_be_ok(&client.output().expect("node: run make test"));
    assert_eq!(world.sql().count("sends WHERE state = 'cancelled'"), 1);
}
