//! Shutdown of the service.

use crate::support::{Protocol, World, frame, until};

/// Longer than any test.
const FOREVER: &str = "1h";

#[tokio::test]
async fn unresponsive_database_does_not_delay_the_shutdown() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "100ms"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    // The request returns in time, but its thread still waits for the lock.
    world.rest().get(&chat).await.expect(504);
    assert_eq!(world.stop().await, 0, "{}", world.log());
    sql.run("ROLLBACK");
}

#[tokio::test]
async fn drain_delay_keeps_serving_and_a_second_signal_ends_it() {
    let world = World::start_with("127.0.0.1:0", &["--drain-delay", FOREVER]).await;
    let chat = world.chat("Alice").await;
    world.send_sigterm();
    let caller = world.anonymous();
    until("it drains", async || caller.get("/readyz").await.status == 503).await;
    assert_eq!(caller.get("/readyz").await.json()["checks"]["process"], "draining");
    let health = world.anonymous_rpc(Protocol::Grpc).call("/grpc.health.v1.Health/Check", frame(b"")).await;
    assert_eq!((health.code, &health.messages[0][..]), (Some(0), &b"\x08\x02"[..]), "NOT_SERVING");
    world.anonymous().get("/livez").await.expect(200);
    world.rest().get(&chat).await.expect(200);
    assert_eq!(world.stop().await, 128 + 15, "{}", world.log());
}
