//! Servers that accept connections and do not answer: one that hangs, and the machine of a former primary.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::support::{Cluster, Database, World};

const FLAGS: [&str; 2] = ["--database-acquire-timeout", "250ms"];

/// The folder of the socket in the URL of a database.
fn socket(database: &Database) -> &str {
    database.url.split_once("?host=").expect("a socket").1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_does_not_answer_delays_no_connection() {
    let cluster = Cluster::start(&[]).await;
    let world = World::alone_in(&cluster, &[]).await;
    let chat = world.chat("Alice").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut database = world.database.clone();
    let socket = socket(&world.database);
    let target = "target_session_attrs=read-write";
    database.url = database
        .url
        .replace(&format!("host={socket}"), &format!("host=127.0.0.1,{socket}&port={port},5432&{target}"));
    let begun = Instant::now();
    let world = world.on(database, &FLAGS).await;
    // Requests open connections of their own.
    let calls = (0..8).map(|_| async { world.rest().get(&chat).await.expect(200) });
    futures_util::future::join_all(calls).await;
    // libpq would wait five seconds for each connection.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
