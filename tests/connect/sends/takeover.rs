//! The service takes over from a connector: what one of them was given, the other one is not.

use std::time::Duration;

use serde_json::{Value, json};

use super::{accepted, becomes, connector, send, world};
use crate::connect::connector::text;
use crate::connect::fake_gateway::FakeGateway;
use crate::connect::outbox::run;
use crate::support::{World, until};

/// The queue id of a send of that text.
fn queue_id(world: &World, text: &str) -> Value {
    let of_text = format!("SELECT send_id FROM sends WHERE content->>'body' = '{text}'");
    world.sql().rows(&of_text)[0]["send_id"].clone()
}

#[tokio::test]
async fn send_is_given_to_the_connector_or_to_the_service() {
    let (world, key) = world().await;
    let chats = [world.chat("Asha Rao").await, world.chat("Bela Kovacs").await, world.chat("Chen Wei").await];
    let mut connector = connector(&world, &key).await;
    for chat in &chats {
        send(&world, chat, &format!("{} first", chat.digits)).await;
    }
    let gateway = FakeGateway::new(true, []);
    // It begins while the connector has the lease, as when a connection of another kind was enabled a moment ago.
    let service = run(&world, &gateway);
    let mut given = Vec::new();
    for _ in &chats {
        given.push(connector.next().await);
    }
    connector.report(&given[0], accepted("")).await;
    world.rest().patch(&chats[0].session_path, json!({"archived": true})).await.expect(200);
    for chat in &chats {
        send(&world, chat, &format!("{} second", chat.digits)).await;
    }
    let (first, second) = (text(&given[0]), text(&given[0]).replace("first", "second"));
    becomes(&world, &queue_id(&world, &first), "accepted").await;
    becomes(&world, &queue_id(&world, &second), "sending").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((gateway.texts(), gateway.changed.lock().unwrap().len()), (Vec::<String>::new(), 0));

    drop(connector);
    until("the service sends the rest", async || gateway.texts().len() == 2).await;
    until("the change is applied", async || gateway.changed.lock().unwrap().len() == 1).await;
    // What the connector was given and has not reported may have been sent.
    let unreported = [text(&given[1]), text(&given[2]), second];
    for text in &unreported {
        becomes(&world, &queue_id(&world, text), "unknown").await;
    }
    let mut all = [gateway.texts(), unreported.to_vec(), vec![first]].concat();
    all.sort_unstable();
    let expected =
        chats.iter().flat_map(|chat| ["first", "second"].map(|text| format!("{} {text}", chat.digits)));
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
    service.stop().await;
}
