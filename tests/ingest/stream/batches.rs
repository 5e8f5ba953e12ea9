//! Plans of large batches in a new organization, after generic plans for small ones and without statistics.

use serde_json::Value;
use switchboard::pb::ingest_event::{self, Event};

use super::Connector;
use crate::plans::{log, plan};
use crate::support::{Cluster, World, is_statement_of_a_request};

/// After five executions PostgreSQL decides on a generic plan.
const SMALL: i64 = 8;
const LARGE: i64 = 400;

/// A message in a chat of its own.
fn message(number: i64) -> Event {
    Event::Message(ingest_event::Message {
        id: format!("M{number}"),
        chat: format!("{}@s.whatsapp.net", 15_550_100_000 + number % LARGE),
        timestamp: Some(prost_types::Timestamp { seconds: 1_780_000_000 + number, nanos: 0 }),
        ..Default::default()
    })
}

#[tokio::test]
async fn statements_of_a_batch_look_up_rows_by_key() {
    let cluster = Cluster::start(&log::SETTINGS).await;
    let world = World::alone_in(&cluster, &["--database-pool-size", "1"]).await;
    let key = world.key("ingest").await;
    let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
    for sequence in 1..=SMALL {
        connector.apply(sequence, message(sequence)).await;
        connector.acknowledged(sequence).await.expect("acknowledged");
    }
    let mut seen = log::Log::from_now(cluster.log_file());
    let mut sequence = SMALL;
    // First new chats, then existing ones.
    for _ in 0..2 {
        let mut sql = world.sql();
        sql.run("BEGIN; LOCK TABLE messages IN EXCLUSIVE MODE");
        // While the first batch is blocked, the other events become one batch.
        for _ in 0..LARGE {
            sequence += 1;
            connector.apply(sequence, message(sequence)).await;
        }
        sql.run("COMMIT");
        connector.acknowledged(sequence).await.expect("acknowledged");
    }
    let entries = seen.next();
    let text = |plan: &Value| plan["Query Text"].as_str().unwrap_or_default().to_owned();
    let plans = entries.iter().filter_map(log::Entry::plan);
    let plans: Vec<&Value> = plans.filter(|plan| is_statement_of_a_request(&text(plan))).collect();
    let largest = plans.iter().map(|plan| plan::rows(plan)).max();
    assert!(largest >= Some(LARGE as u64 / 2), "no large batch: {largest:?}");
    // A batch names few sessions.
    let compares = |plan| plan::filtered_by_array(plan).iter().any(|table| *table != "sessions");
    let wasteful: Vec<_> = plans
        .iter()
        .filter(|plan| plan::discarded_rows(plan) > 10 * LARGE as u64 || compares(plan))
        .map(|plan| (text(plan), plan::outline(plan)))
        .collect();
    assert!(wasteful.is_empty(), "{wasteful:#?}");
}
