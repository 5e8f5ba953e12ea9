//! Runs the server of a data directory: starts it, restarts it after an upgrade or a crash, stops it when it is unused.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::{JoinHandle, park_timeout};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::Binaries;
use crate::failure::{Result, cannot, failure};
use crate::layout::{Layout, PORT};
use crate::user::ServerUser;
use crate::{cluster, locks, orphan};

/// Time for a fast shutdown, before an immediate one; the next start then recovers.
const FAST_SHUTDOWN: Duration = Duration::from_secs(10);

/// How often the server's programs are compared with those that it was started with, and a crashed server is restarted.
const SLOW_POLL: Duration = Duration::from_secs(2);

/// How often the supervisor checks whether the server still runs and is used.
const POLL: Duration = Duration::from_millis(20);

/// For a machine of a few cores that also runs other programs. Passed at each start rather than written to the cluster, so
/// that a newer version of the program can change them.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "max_connections=100",
    "shared_buffers=128MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "cluster_name=embedded",
];

/// Runs the server of that data directory with the programs in that directory, until no command uses it. Must be called on
/// the main thread: the kernel stops the server when the thread that started it ends.
///
/// # Errors
///
/// The server cannot be started.
pub fn supervise(data_dir: &Path, binaries: &Path) -> Result<()> {
    let found = Binaries::in_directory(binaries);
    let binaries = found.ok_or_else(|| failure(format!("no PostgreSQL server in {}", binaries.display())))?;
    run(&Layout::new(data_dir)?, binaries)
}

/// Does the same on a thread of this process.
pub(crate) fn spawn(layout: Layout, binaries: Binaries) -> Result<JoinHandle<()>> {
    spawn_thread(layout, |layout| run(layout, binaries))
}

/// Does the same once the supervisor that runs now ends without stopping the server, such as one that was killed.
pub(crate) fn spawn_standby(layout: Layout) -> Result<JoinHandle<()>> {
    spawn_thread(layout, stand_by)
}

fn spawn_thread(
    layout: Layout,
    supervise: impl FnOnce(&Layout) -> Result<()> + Send + 'static,
) -> Result<JoinHandle<()>> {
    let cluster = layout.cluster();
    let supervise = move || {
        if let Err(error) = supervise(&layout) {
            tracing::error!(%error, "the embedded PostgreSQL stopped");
        }
    };
    std::thread::Builder::new().name("postgres".into()).spawn(supervise).map_err(cannot("start", &cluster))
}

/// Why a server is not running any more.
enum End {
    /// Stopped, because no command is left. The users' lock is held, which keeps new commands waiting.
    Unused,
    /// Stopped, because its programs changed on disk.
    Outdated,
    Exited(String),
}

struct Supervisor<'l> {
    layout: &'l Layout,
    users: File,
    /// Whether a server has ever been ready: until then a failed start is final.
    was_ready: bool,
}

fn run(layout: &Layout, binaries: Binaries) -> Result<()> {
    let supervisor = Supervisor { layout, users: locks::open(&layout.users_lock())?, was_ready: false };
    match locks::try_exclusive(&layout.supervisor_lock())? {
        Some(alive) => supervisor.run(binaries, alive),
        None => Ok(()),
    }
}

fn stand_by(layout: &Layout) -> Result<()> {
    let supervisor = Supervisor { layout, users: locks::open(&layout.users_lock())?, was_ready: true };
    let alive = loop {
        if supervisor.is_unused_within(SLOW_POLL) {
            return Ok(());
        }
        if let Some(alive) = locks::try_exclusive(&layout.supervisor_lock())? {
            break alive;
        }
    };
    let missing = || failure(format!("no PostgreSQL server for {}", layout.cluster().display()));
    let binaries = supervisor.current_binaries().ok_or_else(missing)?;
    supervisor.run(binaries, alive)
}

fn start(layout: &Layout, binaries: &Binaries) -> Result<Child> {
    let (program, cluster) = (binaries.program("postgres"), layout.cluster());
    let mut postgres = ServerUser::choose(layout)?.command(&program, "INT")?;
    // `port` too: PostgreSQL would read it from the environment otherwise.
    postgres.arg("-D").arg(&cluster).args(["-c", &format!("port={PORT}")]);
    postgres.arg("-c").arg(format!("unix_socket_directories={}", cluster.display()));
    postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    postgres.stdout(Stdio::null()).stderr(layout.open_log()?);
    // Control-C in the terminal is for the command, which uses the server until its end.
    postgres.process_group(0);
    postgres.spawn().map_err(cannot("start", &program))
}

impl Supervisor<'_> {
    /// `_alive` is the supervisor's lock. It is released before the users' lock: the next command must not find a supervisor
    /// that is about to end.
    fn run(mut self, mut binaries: Binaries, _alive: File) -> Result<()> {
        let layout = self.layout;
        let _ = std::fs::remove_file(layout.restart_marker());
        loop {
            let end = match start(layout, &binaries) {
                Ok(mut server) => self.watch(&mut server, &binaries),
                Err(error) => End::Exited(error.to_string()),
            };
            match end {
                End::Unused => return Ok(()),
                End::Outdated => {}
                End::Exited(reason) if !self.was_ready => return Err(failure(reason)),
                End::Exited(reason) => {
                    tracing::warn!(reason, "the embedded PostgreSQL exited and is restarted");
                    if self.is_unused_within(SLOW_POLL) {
                        return Ok(());
                    }
                }
            }
            binaries = self.current_binaries().unwrap_or(binaries);
        }
    }

    /// Returns when the server has stopped.
    fn watch(&mut self, server: &mut Child, binaries: &Binaries) -> End {
        let started_with = binaries.fingerprint();
        let (mut seen, mut seen_at, mut is_ready) = (started_with, Instant::now(), false);
        loop {
            if self.is_unused_within(POLL) {
                stop(server);
                return End::Unused;
            }
            if let Ok(Some(status)) = server.try_wait() {
                return End::Exited(format!("PostgreSQL exited: {status}"));
            }
            if !is_ready && orphan::is_ready(self.layout) {
                (is_ready, self.was_ready) = (true, true);
                let _ = std::fs::remove_file(self.layout.restart_marker());
            }
            if is_ready && seen_at.elapsed() >= SLOW_POLL {
                let found = binaries.fingerprint();
                if found != started_with && self.is_upgraded(found == seen) {
                    stop(server);
                    return End::Outdated;
                }
                (seen, seen_at) = (found, Instant::now());
            }
        }
    }

    /// Whether no command is left. Then it holds the users' lock exclusively.
    fn is_unused_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        loop {
            if self.users.try_lock().is_ok() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            park_timeout(POLL);
        }
    }

    /// Marks a pending restart. Returns whether the upgrade is complete: new backends of the running server may fail to load
    /// libraries of another version.
    fn is_upgraded(&self, is_settled: bool) -> bool {
        let marker = self.layout.restart_marker();
        if !marker.exists() {
            tracing::warn!("the programs of the embedded PostgreSQL changed on disk: it will be restarted");
            let _ = File::create(&marker);
        }
        is_settled && self.current_binaries().is_some()
    }

    /// The programs that fit the cluster, as they are on disk now.
    fn current_binaries(&self) -> Option<Binaries> {
        let version = cluster::major_version(self.layout).ok()?;
        Binaries::find(version.as_deref(), self.layout).ok()
    }
}

/// Closes all connections and stops (SIGINT); without a checkpoint when that takes too long (SIGQUIT).
fn stop(server: &mut Child) {
    let (pid, deadline) = (Pid::from_child(server), Instant::now() + FAST_SHUTDOWN);
    let _ = kill_process(pid, Signal::INT);
    while matches!(server.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            let _ = kill_process(pid, Signal::QUIT);
        }
        park_timeout(POLL);
    }
}
