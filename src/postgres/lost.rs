//! Stops a server that lost its keeper, and clears away what one that was killed left behind.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::layout::Layout;
use super::{Failure, POLL, STOP_TIMEOUT};

/// Larger than any process number of Linux or macOS.
const NO_PROCESS: i32 = i32::MAX;

/// Returns when no server runs on the cluster. Called while no keeper lives and none can be started.
pub(super) async fn stop(layout: &Layout) -> Result<(), Failure> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut told = false;
    while let Some(server) = layout.server() {
        let Some(pid) = Pid::from_raw(server.pid) else { break };
        if !runs_on(pid, layout) {
            return release_number(pid, layout);
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

/// Makes way for a new server when the number of a dead one belongs to another process by now, as it often does in
/// containers. The rest of the file stays: a new server reads there which shared memory must be out of use.
fn release_number(pid: Pid, layout: &Layout) -> Result<(), Failure> {
    if test_kill_process(pid).is_err() {
        return Ok(());
    }
    let path = layout.pid_file();
    let free = || {
        let text = std::fs::read_to_string(&path)?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        std::fs::write(&path, format!("{NO_PROCESS}\n{rest}"))?;
        std::fs::remove_file(layout.socket_lock())
    };
    match free() {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("free", &path)(error)),
        _ => Ok(()),
    }
}

/// Whether the process is a server on that cluster, and not another one that got its number.
pub(super) fn runs_on(pid: Pid, layout: &Layout) -> bool {
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
