//! `switchboard serve` on a port of its own.

use std::net::SocketAddr;

use super::cluster::Database;
use super::process::{Ending, Process};

/// A running server.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process, with its log.
    pub process: Process,
}

impl Server {
    /// Starts the binary and waits until it says that it is ready.
    pub async fn start(database: &Database, listen: &str, args: &[&str]) -> Self {
        let args = [&["serve", "--listen", listen], args].concat();
        let log = std::env::temp_dir().join(format!("sb-{}.log", uuid::Uuid::now_v7().simple()));
        let ending = Ending { signal: "KILL", folder: Some(&log) };
        let process = Process::start(&database.command(&args), &log, ending).expect("the binary");
        let address = process.wait_for("the server", address_in).await;
        Self { address, process }
    }
}

/// The address of the ready line, wherever the log has it.
fn address_in(log: &str) -> Option<SocketAddr> {
    let word = |from: &str| {
        let end = from.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
        from[..end].trim_end_matches(['.', ':']).parse::<SocketAddr>().ok()
    };
    log.match_indices("127.0.0.1:").filter_map(|(at, _)| word(&log[at..])).find(|address| address.port() != 0)
}
