//! A small Node.js service that runs the same statements, for comparison.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::Outcome;
use crate::READS;
use crate::calls::{Call, Target};
use crate::database::Database;
use crate::process::{Ending, Process};
use crate::statement::Statement;

/// The running service.
pub struct Fastify {
    /// How to call it: like the service under test.
    pub target: Target,
    _process: Process,
}

impl Fastify {
    /// Starts it with the statement of each read.
    pub async fn start(database: &Database, statements: &[Statement], ours: &Target) -> Outcome<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fastify");
        if !folder.join("node_modules").exists() {
            return Err("benches/fastify has no node_modules: run `make bench`, or npm ci in there".into());
        }
        let reads = READS.iter().zip(statements).map(|(call, Statement { sql, values })| {
            json!({ "route": route(*call), "sql": sql, "values": values })
        });
        let reads = reads.collect::<Vec<_>>();
        // The default pool size of the service under test.
        let connections = 2 * std::thread::available_parallelism()?.get();
        let setup = json!({ "database": database.url, "connections": connections, "reads": reads });
        let mut command = Command::new("node");
        command.arg(folder.join("server.js")).arg(setup.to_string());
        let log = std::env::temp_dir().join(format!("fastify-{}.log", uuid::Uuid::now_v7().simple()));
        let process = Process::start(&command, &log, Ending { signal: "KILL", folder: Some(&log) })?;
        let port = process.wait_for("the Node.js service", |log| log.lines().nth(1)?.parse().ok()).await;
        let pid = process.id().ok_or("no process id")?;
        let address = ([127, 0, 0, 1], port).into();
        Ok(Self { target: Target { address, pid, ..ours.clone() }, _process: process })
    }
}

fn route(call: Call) -> &'static str {
    match call {
        Call::GetChat | Call::UpdateChat => "/v1/chats/:chat",
        Call::GetSessionChat | Call::UpdateSessionChat => "/api/v1/sessions/:session/chats/:chat",
    }
}
