//! Plans for tables that were small when they were made, and for rows that are distributed unevenly.

use super::requests::{self, Request};
use super::seed::Seeded;
use super::{Call, Caller, log, plan};
use crate::support::{Cluster, Database, Server, until};

/// Fewer than in the other tests, because every index is updated row by row.
const CHATS: u64 = 4_000;
/// How many times the blocks of an analyzed table a call may touch.
const FACTOR: u64 = 3;
/// Blocks that make no difference to a caller.
const FEW: u64 = 100;
/// Blocks that a message of a page may take.
const MESSAGE: u64 = 30;
/// Tables that have grown.
const GROWN: &str = "pg_stat_user_tables WHERE n_live_tup > 1000";
/// Those that nobody has analyzed.
const NOT_ANALYZED: &str = "pg_stat_user_tables WHERE n_live_tup > 1000 AND last_analyze IS NULL";

#[tokio::test]
async fn plans_made_while_tables_were_small_are_made_again_once_they_have_grown() {
    let (cluster, database) = database().await;
    let seeded = Seeded::start(&database, CHATS);
    let server = Server::start(&database, "127.0.0.1:0", &["--database-pool-size", "1"]).await;
    let mut caller = Caller::new(&cluster, &server, &seeded);
    // Every statement once: sessions are also found by phone ids, and keys have limits, in the same way.
    let is_of_another =
        |request: &Request| request.is_limited || request.phone.as_ref() == Some(&seeded.phone_id);
    let requests: Vec<_> =
        requests::all(&seeded).into_iter().filter(|request| !is_of_another(request)).collect();
    call_all(&mut caller, &requests).await;
    seeded.grow(&database);
    let mut sql = database.admin();
    until("PostgreSQL counts the rows", async || sql.count(GROWN) > 5).await;
    until("the service analyzes the tables", async || sql.count(NOT_ANALYZED) == 0).await;
    let before = call_all(&mut caller, &requests).await;
    sql.run("ANALYZE");
    let after = call_all(&mut caller, &requests).await;

    let mut worse = Vec::new();
    for (before, after) in before.iter().zip(&after) {
        if before.blocks() > FACTOR * after.blocks() + FEW {
            let outlines = [before, after].map(|call| call.plans().map(plan::outline).collect::<Vec<_>>());
            worse.push((before.blocks(), after.blocks(), &before.request.target, outlines));
        }
    }
    assert!(worse.is_empty(), "{} of {} requests: {worse:#?}", worse.len(), requests.len());
}

#[tokio::test]
async fn page_of_a_long_chat_reads_little_where_most_chats_are_short() {
    let (cluster, database) = database().await;
    let seeded = Seeded::fill(&database, CHATS);
    let mut sql = database.admin();
    sql.run("DELETE FROM messages WHERE chat_key > 1 AND message_id NOT LIKE '%-5'; ANALYZE messages");
    let server = Server::start(&database, "127.0.0.1:0", &["--database-pool-size", "1"]).await;
    let mut caller = Caller::new(&cluster, &server, &seeded);
    let is_of_chat = |request: &&Request| request.rpc.ends_with("ChatMessages") && request.is_bare;
    for request in requests::all(&seeded).iter().filter(is_of_chat) {
        let (call, _) = caller.call(request).await;
        let outline: Vec<_> = call.plans().map(plan::outline).collect();
        // The list is counted, and a page is read.
        let limit = seeded.chats / 4 + 20 * MESSAGE;
        assert!(call.blocks() < limit, "{request:?}: {} blocks: {outline:#?}", call.blocks());
    }
}

/// An empty database that only the service analyzes.
async fn database() -> (Cluster, Database) {
    let settings = [&log::SETTINGS[..], &["autovacuum=off"]].concat();
    let cluster = Cluster::start(&settings).await;
    let database = cluster.empty_database();
    database.migrate();
    (cluster, database)
}

async fn call_all(caller: &mut Caller, requests: &[Request]) -> Vec<Call> {
    let mut calls = Vec::new();
    for request in requests {
        calls.push(caller.observe(request).await.0);
    }
    calls
}
