//! Round trips of writes, counted in PostgreSQL's log.

use serde_json::{Value, json};

use super::log::{Entry, Log};
use crate::support::{Cluster, World, is_statement_of_a_request};

/// Includes BEGIN, reading the response, and COMMIT. The log may also have statements of background tasks.
const LIMIT: usize = 7;

#[tokio::test]
async fn patch_takes_at_most_seven_round_trips() {
    let cluster = Cluster::start(&["log_line_prefix=", "log_min_duration_statement=0"]).await;
    let world = World::alone_in(&cluster, &["--database-pool-size", "1"]).await;
    let chat = world.chat("Alice").await;
    let mut log = Log::from_now(cluster.log_file());
    let assigned = [0, 1].map(|member| json!({"assigned_to": world.org.members[member]}));
    let archived = [true, false].map(|archived| json!({"archived": archived}));
    for (path, changes) in [(&chat.path, assigned), (&chat.session_path, archived)] {
        let mut fewest = Vec::new();
        for change in changes.iter().cycle().take(6) {
            let statements = statements_of(&world, &mut log, path, change).await;
            if fewest.is_empty() || statements.len() < fewest.len() {
                fewest = statements;
            }
        }
        assert!(fewest.iter().any(|sql| sql.contains("INSERT INTO events")), "it wrote: {fewest:#?}");
        assert!(fewest.len() <= LIMIT, "{path}: {} statements: {fewest:#?}", fewest.len());
    }
}

async fn statements_of(world: &World, log: &mut Log, path: &str, change: &Value) -> Vec<String> {
    log.next();
    world.rest().patch(path, change.clone()).await.expect(200);
    let taken = log.next().into_iter().filter_map(|entry| match entry {
        // A statement that is prepared at each call takes two.
        Entry::Execute(sql) | Entry::Text(sql) | Entry::Parse(sql) => Some(sql),
        Entry::Plan(_) => None,
    });
    taken.filter(|sql| is_statement_of_a_request(sql)).collect()
}
