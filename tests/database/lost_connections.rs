//! Pooled connections that the server closed.

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn first_calls_after_idle_connections_were_closed_succeed() {
    let world = World::start_with("127.0.0.1:0", &["--database-pool-size", "4"]).await;
    let chat = world.chat("Alice").await;
    let mut admin = world.admin();
    for round in 0..3 {
        for _ in 0..8 {
            world.rest().get(&chat).await.expect(200);
        }
        admin.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE usename = 'switchboard' AND datname = current_database()",
        );
        if round == 0 {
            world.rest().patch(&chat, json!({"custom_properties": {"note": "new"}})).await.expect(200);
        }
        for _ in 0..8 {
            world.rest().get(&chat).await.expect(200);
        }
    }
}
