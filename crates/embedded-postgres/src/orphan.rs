//! The server of a data directory as its files show it: whether it runs, and stopping it without a supervisor.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::failure::{Result, cannot, failure, if_found};
use crate::layout::Layout;

const POLL: Duration = Duration::from_millis(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Larger than any process id of Linux or macOS.
const NO_PROCESS: i32 = i32::MAX;

/// Whether a server runs on the cluster and accepts connections.
pub(crate) fn is_ready(layout: &Layout) -> bool {
    // The file may be that of a killed server.
    matches!(described(layout), Some((pid, true)) if runs_on(pid, layout))
}

/// Returns when no server runs on the cluster. Called while no supervisor lives and none can be started.
pub(crate) async fn stop(layout: &Layout) -> Result<()> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut is_signalled = false;
    while let Some((pid, _)) = described(layout) {
        if !runs_on(pid, layout) {
            return release_pid(pid, layout);
        }
        if !is_signalled {
            is_signalled = kill_process(pid, Signal::INT).is_ok();
        }
        if Instant::now() > deadline {
            return Err(failure(format!(
                "an unsupervised PostgreSQL server (process {}) does not stop; see {}",
                pid.as_raw_nonzero(),
                layout.log().display()
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Removes the id of a dead server from its files when another process has it by now, as is common in containers: a new
/// server would not start. The rest stays: it names the shared memory that must be out of use.
fn release_pid(pid: Pid, layout: &Layout) -> Result<()> {
    if test_kill_process(pid).is_err() {
        return Ok(());
    }
    let path = layout.pid_file();
    let release = || {
        let text = std::fs::read_to_string(&path)?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        std::fs::write(&path, format!("{NO_PROCESS}\n{rest}"))?;
        std::fs::remove_file(layout.socket_lock())
    };
    if_found(release()).map(drop).map_err(cannot("update", &path))
}

/// The server that the pid file describes, which may have been killed since: its process, and whether it is ready.
fn described(layout: &Layout) -> Option<(Pid, bool)> {
    let (pid, is_ready) = parse(&std::fs::read_to_string(layout.pid_file()).ok()?)?;
    Some((Pid::from_raw(pid)?, is_ready))
}

/// The format is PostgreSQL's `pidfile.h`: the first line is the pid, the eighth the status.
fn parse(pid_file: &str) -> Option<(i32, bool)> {
    let mut lines = pid_file.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    Some((pid, lines.nth(6).is_some_and(|status| status.trim() == "ready")))
}

/// Whether the process is a server on that cluster, rather than another process with the same id.
fn runs_on(pid: Pid, layout: &Layout) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        // A server's working directory is its cluster.
        let directory = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
        let canonical = |path: &Path| path.canonicalize().ok();
        return directory.is_ok_and(|directory| {
            canonical(&directory).is_some_and(|found| Some(found) == canonical(&layout.cluster()))
        });
    }
    UnixStream::connect(layout.socket()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn pid_file_holds_pid_and_readiness() {
        let file = "4711\n/data\n1763824879\n5432\n/data\n\n  17 42\nready   \n";
        assert_eq!(parse(file), Some((4711, true)));
        assert_eq!(parse(&file.replace("ready", "starting")), Some((4711, false)));
        assert_eq!(parse("4711\n"), Some((4711, false)));
        for invalid in ["", "\n", "x\n", "-4711\n", "0\n"] {
            assert_eq!(parse(invalid), None, "{invalid:?}");
        }
    }
}
