//! Sends that name a message whose id is still provisional.

use serde_json::json;

use super::{run, with_ids};
use crate::connect::fake_gateway::{FakeGateway, Script};
use crate::connect::sends::{becomes, message, send, world};

#[tokio::test]
async fn quote_and_reaction_name_the_id_that_the_gateway_chose() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let sent = send(&world, &chat, "Hello").await;
    let quote = json!({"chat_id": chat.id, "message": "I mean", "reply_to": sent["unique_id"]}).to_string();
    let quote = world.rest().json("POST", "/v1/message/send", quote).await.expect(200).json();
    let react = format!("/v1/message/{}/react", sent["queue_id"].as_str().expect("an id"));
    let react =
        world.rest().json("POST", react, json!({"reaction": "👍"}).to_string()).await.expect(200).json();
    assert_eq!(message(&world, &quote["queue_id"]).await["quoted_message_id"], sent["unique_id"]);
    with_ids(&world, false);
    let gateway = FakeGateway::new(false, [Script::Accept("GATEWAY")]);
    let running = run(&world, &gateway);
    for accepted in [&sent, &quote, &react] {
        becomes(&world, &accepted["queue_id"], "accepted").await;
    }
    assert_eq!(*gateway.targets.lock().unwrap(), ["GATEWAY", "GATEWAY"]);
    assert_eq!(message(&world, &quote["queue_id"]).await["quoted_message_id"], "GATEWAY");
    let shown = message(&world, &sent["queue_id"]).await;
    assert_eq!((&shown["unique_id"], &shown["reactions"][0]["emoji"]), (&json!("GATEWAY"), &json!("👍")));
    running.stop().await;
}
