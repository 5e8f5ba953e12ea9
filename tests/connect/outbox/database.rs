//! Outcomes that the database does not take for a while.

use std::time::Duration;

use serde_json::Value;

use super::{run, with_ids};
use crate::connect::fake_gateway::{FakeGateway, Script};
use crate::connect::sends::{becomes, send, world};
use crate::support::{World, until};

/// Lets every write fail with this message that makes the send accepted.
fn break_writes(world: &World, message: &str, sent: &Value) {
    let (name, id) = (name(world), sent["queue_id"].as_str().expect("an id"));
    world.admin().run(&format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION '{message}'; END $$;
         CREATE TRIGGER {name} BEFORE UPDATE ON sends FOR EACH ROW
             WHEN (NEW.send_id = '{id}' AND NEW.state = 'accepted') EXECUTE FUNCTION {name}()"
    ));
}

fn repair_writes(world: &World) {
    let name = name(world);
    world.admin().run(&format!("DROP TRIGGER {name} ON sends; DROP FUNCTION {name}()"));
}

fn name(world: &World) -> String {
    format!("broken_{}", world.org.id.replace('-', ""))
}

#[tokio::test]
async fn outcome_is_stored_when_the_database_is_back() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let (sent, next) = (send(&world, &chat, "Hello").await, send(&world, &chat, "Next").await);
    with_ids(&world, false);
    let gateway = FakeGateway::new(false, []);
    break_writes(&world, "out of memory", &sent);
    let running = run(&world, &gateway);
    until("it is sent", async || gateway.texts() == ["Hello"]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    repair_writes(&world);
    becomes(&world, &sent["queue_id"], "accepted").await;
    becomes(&world, &next["queue_id"], "accepted").await;
    assert_eq!(gateway.texts(), ["Hello", "Next"]);
    running.stop().await;
}

#[tokio::test]
async fn send_whose_outcome_is_not_stored_blocks_no_later_one() {
    let (world, _) = world().await;
    let chat = world.chat("Asha Rao").await;
    let (sent, next) = (send(&world, &chat, "Hello").await, send(&world, &chat, "Next").await);
    with_ids(&world, false);
    let gateway = FakeGateway::new(false, [Script::Accept("GATEWAY")]);
    break_writes(&world, "permission denied", &sent);
    let running = run(&world, &gateway);
    becomes(&world, &sent["queue_id"], "unknown").await;
    repair_writes(&world);
    becomes(&world, &next["queue_id"], "accepted").await;
    assert_eq!(gateway.texts().iter().filter(|text| *text == "Hello").count(), 1);
    running.stop().await;
}
