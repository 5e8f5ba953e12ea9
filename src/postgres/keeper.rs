//! The process that has the private PostgreSQL as its child, and stops it when nobody uses it any more.

use std::fs::TryLockError;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::binaries::Binaries;
use super::layout::{Layout, PORT};
use super::{Failure, open_lock};

/// How long a fast shutdown may take before the server is told to drop everything; it recovers at the next start.
const FAST_SHUTDOWN: Duration = Duration::from_secs(10);

/// For a machine of a few cores that runs other things too. Given at each start, so that a newer version of ours is not
/// bound to what an older one wrote down. `port` too: it would be taken from the environment otherwise.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "max_connections=100",
    "shared_buffers=128MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "cluster_name=switchboard",
];

/// Runs the server of that data directory with the programs in that other directory, until no command holds the lock of
/// its users. Must be called on the main thread: the kernel stops the server when the thread that started it ends.
///
/// # Errors
///
/// When the server cannot be started, or ends by itself.
pub fn keep(data_dir: &Path, binaries: &Path) -> Result<(), Failure> {
    let layout = Layout::new(data_dir)?;
    let binaries = Binaries::in_directory(binaries)
        .ok_or_else(|| Failure::new(format!("no PostgreSQL server in {}", binaries.display())))?;
    let alive = open_lock(&layout.keeper_lock())?;
    match alive.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(Failure::io("lock", &layout.keeper_lock())(error)),
    }
    let users = open_lock(&layout.users_lock())?;
    let mut server = start(&layout, &binaries)?;
    let pid = Pid::from_child(&server);
    let (ended, has_ended) = channel::<()>();
    let stopper = std::thread::spawn(move || {
        if users.lock().is_err() {
            return None;
        }
        stop(pid, &has_ended);
        // Given back when the server has ended, so that the next command does not meet it half stopped.
        Some(users)
    });
    let status = server.wait().map_err(Failure::io("wait for", &layout.cluster()))?;
    drop(ended);
    // In this order: whoever gets the users' lock next must not find a keeper that is about to go.
    drop(alive);
    let was_stopped = stopper.is_finished() || status.success();
    if was_stopped {
        Ok(())
    } else {
        Err(Failure::new(format!("the embedded PostgreSQL ended with {status}")))
    }
}

fn start(layout: &Layout, binaries: &Binaries) -> Result<Child, Failure> {
    let account = Account::choose(layout)?;
    let mut postgres = account.command(&binaries.program("postgres"), "INT")?;
    postgres.arg("-D").arg(layout.cluster()).args(["-c", &format!("port={PORT}")]);
    postgres.arg("-c").arg(format!("unix_socket_directories={}", layout.cluster().display()));
    postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    postgres.stdout(Stdio::null()).stderr(layout.open_log()?);
    postgres.spawn().map_err(Failure::io("start", &binaries.program("postgres")))
}

/// Disconnects everybody and stops (SIGINT); without a checkpoint when that takes too long (SIGQUIT).
fn stop(server: Pid, has_ended: &Receiver<()>) {
    let _ = kill_process(server, Signal::INT);
    if has_ended.recv_timeout(FAST_SHUTDOWN) == Err(RecvTimeoutError::Timeout) {
        let _ = kill_process(server, Signal::QUIT);
    }
}
