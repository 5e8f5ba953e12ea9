//! Stops a server that lost its keeper, and clears away what one that was killed left behind.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::layout::Layout;
use super::{Failure, POLL, STOP_TIMEOUT};

/// Returns when no server runs on the cluster. Called while no keeper lives and none can be started.
pub(super) async fn stop(layout: &Layout) -> Result<(), Failure> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut told = false;
    while let Some(server) = layout.server() {
        let Some(pid) = Pid::from_raw(server.pid) else { break };
        if !runs_on(pid, layout) {
            // Its number may belong to another process by now, which would keep a new server from starting.
            let path = layout.pid_file();
            return std::fs::remove_file(&path).map_err(Failure::io("remove", &path));
        }
        if !told {
            told = kill_process(pid, Signal::INT).is_ok();
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "a PostgreSQL server without keeper (process {}) does not stop; see {}",
                server.pid,
                layout.log().display()
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Whether the process is a server on that cluster, and not another one that got its number.
fn runs_on(pid: Pid, layout: &Layout) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        // A server's working directory is its cluster.
        let directory = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
        return directory.is_ok_and(|directory| is_same(&directory, &layout.cluster()));
    }
    UnixStream::connect(layout.socket()).is_ok()
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
