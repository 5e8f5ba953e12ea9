//! How the service ends when it is told to.

use crate::support::World;

#[tokio::test]
async fn a_database_that_hangs_does_not_hold_up_the_end() {
    let world = World::start_with("127.0.0.1:0", &["--request-timeout", "100ms"]).await;
    let chat = world.chat("Alice").await;
    let mut sql = world.sql();
    sql.run("BEGIN; LOCK TABLE chats");
    // Answered in time, but its thread still waits for the lock.
    world.rest().get(&chat).await.expect(504);
    assert_eq!(world.stop().await, 0, "{}", world.log());
    sql.run("ROLLBACK");
}
