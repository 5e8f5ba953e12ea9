//! `switchboard serve` on a port of its own.

use std::net::SocketAddr;
use std::process::Command;

use super::database::Database;
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
        Self::run(&database.command(&[&["serve", "--listen", listen], args].concat())).await
    }

    /// Runs that command and waits until it says that it is ready.
    pub async fn run(command: &Command) -> Self {
        Self::run_until(command, ready_at).await
    }

    /// Runs that command and waits until it listens, be it ready or not.
    pub async fn listening(command: &Command) -> Self {
        Self::run_until(command, listening_at).await
    }

    async fn run_until(command: &Command, address_in: fn(&str) -> Option<SocketAddr>) -> Self {
        let log = std::env::temp_dir().join(format!("sb-{}.log", uuid::Uuid::now_v7().simple()));
        let ending = Ending { signal: "KILL", folder: Some(&log) };
        let process = Process::start(command, &log, ending).expect("the binary");
        let address = process.wait_for("the server", address_in).await;
        Self { address, process }
    }
}

fn listening_at(log: &str) -> Option<SocketAddr> {
    address_in(log, "listening")
}

/// The address in the line of the log with that message.
pub fn address_in(log: &str, message: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains(&format!("\"{message}\"")))?;
    line.split_once(r#""address":""#)?.1.split('"').next()?.parse().ok()
}

/// The address in the line that says the server is ready.
fn ready_at(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("switchboard is ready on http"))?;
    line.rsplit_once("://")?.1.trim().parse().ok()
}
