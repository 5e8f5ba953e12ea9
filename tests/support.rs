//! What the tests share: a database per test, the real binary serving it, and callers that read as sentences.

mod certificates;
mod chat;
mod citus;
mod cluster;
mod database;
mod disk;
mod furnish;
mod http2;
mod keep_alive;
mod methods;
mod pooler;
mod process;
mod programs;
mod rest;
mod rpc;
mod server;
mod sql;
mod token;
mod tools;
mod usage;
mod world;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use certificates::{Certificates, Pair, text};
pub use chat::Chat;
pub use cluster::{Cluster, DiskOf};
pub use database::{Database, SIGNING_KEY};
pub use furnish::{Org, connection_id};
pub use http2::{Http2, UNAVAILABLE, unfinished, whole};
pub use keep_alive::KeepAlive;
pub use methods::{Binding, Method, methods};
pub use pooler::Pooler;
pub use programs::{output_of, postgres_programs};
pub use rest::{Answer, Rest};
pub use rpc::{Protocol, Rpc, RpcAnswer, frame};
pub use server::Server;
pub use sql::{
    Sql, disabled_connection, disabled_webhook, failed_event, fill_lists, is_statement_of_a_request, note_id,
    note_of, own_message, queued_send,
};
pub use token::Token;
pub use tools::{clients, python_tool};
pub use usage::{memory, percentile, processor_time, reset_peak, threads};
pub use world::World;

/// The binary under test.
pub const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// The repository.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files of that kind in a folder of the repository and the folders in it.
pub fn files_under(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "node_modules" {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The outcome of what the test waits for, which takes far less time than it is given: machines that run tests are busy.
pub async fn in_time<T>(what: &str, outcome: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(Duration::from_secs(120), outcome).await;
    outcome.unwrap_or_else(|_| panic!("{what}: not in time"))
}

/// Waits until it is so, far longer than it takes: machines that run tests are busy. Says how long it took.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) -> Duration {
    until_within(Duration::from_secs(60), what, is_so).await
}

/// Waits until it is so, but not longer than that. Says how long it took.
pub async fn until_within(limit: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < limit, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}
