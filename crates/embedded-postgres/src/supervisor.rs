//! Runs the server of a data directory: starts it, restarts it after an upgrade or a crash, stops it when it is unused.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::Binaries;
use crate::failure::Failure;
use crate::layout::{Layout, PORT};
use crate::user::ServerUser;
use crate::{cluster, locks, orphan};

/// Time for a fast shutdown, before an immediate one; the next start then recovers.
const FAST_SHUTDOWN: Duration = Duration::from_secs(10);

/// How often the server's programs are compared with those that it was started with.
const BINARY_POLL: Duration = Duration::from_secs(2);

/// How often a starting server is checked for readiness.
const START_POLL: Duration = Duration::from_millis(50);

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
pub fn supervise(data_dir: &Path, binaries: &Path) -> Result<(), Failure> {
    let found = Binaries::in_directory(binaries);
    let binaries =
        found.ok_or_else(|| Failure::new(format!("no PostgreSQL server in {}", binaries.display())))?;
    run(&Layout::new(data_dir)?, binaries)
}

/// Does the same on a thread of this process.
pub(crate) fn spawn(layout: Layout, binaries: Binaries) -> Result<JoinHandle<()>, Failure> {
    let cluster = layout.cluster();
    let supervise = move || {
        if let Err(error) = run(&layout, binaries) {
            tracing::error!(%error, "the embedded PostgreSQL stopped");
        }
    };
    std::thread::Builder::new()
        .name("postgres".into())
        .spawn(supervise)
        .map_err(Failure::io("start", &cluster))
}

enum Event {
    /// No command is left. Holds the users' lock exclusively, which keeps new commands waiting.
    Unused(File),
    Exited(ExitStatus),
}

/// Why a server is not running any more.
enum End {
    Unused(File),
    /// Stopped, because its programs changed on disk.
    Outdated,
    Exited(String),
}

struct Supervisor<'l> {
    layout: &'l Layout,
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// Received while a server was stopping.
    unused: Option<File>,
    /// Whether a server has ever been ready: until then a failed start is final.
    was_ready: bool,
}

fn run(layout: &Layout, mut binaries: Binaries) -> Result<(), Failure> {
    let Some(alive) = locks::try_exclusive(&layout.supervisor_lock())? else { return Ok(()) };
    let _ = std::fs::remove_file(layout.restart_marker());
    let (sender, events) = channel();
    send_when_unused(locks::open(&layout.users_lock())?, sender.clone());
    let mut supervisor = Supervisor { layout, sender, events, unused: None, was_ready: false };
    loop {
        let mut end = match supervisor.start(&binaries) {
            Ok(server) => supervisor.watch(server, &binaries),
            Err(error) => End::Exited(error.to_string()),
        };
        if let (End::Exited(reason), true) = (&end, supervisor.was_ready) {
            tracing::warn!(reason, "the embedded PostgreSQL exited and is restarted");
            if let Some(Event::Unused(users)) = supervisor.next(BINARY_POLL) {
                end = End::Unused(users);
            }
        }
        match end {
            End::Unused(users) => {
                // In this order: the next command must not find a supervisor that is about to end.
                drop(alive);
                drop(users);
                return Ok(());
            }
            End::Exited(reason) if !supervisor.was_ready => return Err(Failure::new(reason)),
            End::Exited(_) | End::Outdated => {}
        }
        binaries = supervisor.current_binaries().unwrap_or(binaries);
    }
}

fn send_when_unused(users: File, sender: Sender<Event>) {
    std::thread::spawn(move || {
        if users.lock().is_ok() {
            let _ = sender.send(Event::Unused(users));
        }
    });
}

impl Supervisor<'_> {
    fn start(&self, binaries: &Binaries) -> Result<Pid, Failure> {
        let cluster = self.layout.cluster();
        let mut postgres = ServerUser::choose(self.layout)?.command(&binaries.program("postgres"), "INT")?;
        // `port` too: PostgreSQL would read it from the environment otherwise.
        postgres.arg("-D").arg(&cluster).args(["-c", &format!("port={PORT}")]);
        postgres.arg("-c").arg(format!("unix_socket_directories={}", cluster.display()));
        postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        postgres.stdout(Stdio::null()).stderr(self.layout.open_log()?);
        // Control-C in the terminal is for the command, which uses the server until its end.
        postgres.process_group(0);
        let mut child = postgres.spawn().map_err(Failure::io("start", &binaries.program("postgres")))?;
        let (pid, sender) = (Pid::from_child(&child), self.sender.clone());
        std::thread::spawn(move || {
            let _ = child.wait().map(|status| sender.send(Event::Exited(status)));
        });
        Ok(pid)
    }

    /// Returns when the server has stopped.
    fn watch(&mut self, server: Pid, binaries: &Binaries) -> End {
        let started_with = binaries.fingerprint();
        let (mut seen, mut is_ready) = (started_with, false);
        loop {
            match self.next(if is_ready { BINARY_POLL } else { START_POLL }) {
                Some(Event::Exited(status)) => return End::Exited(format!("PostgreSQL exited: {status}")),
                Some(Event::Unused(users)) => {
                    self.stop(server);
                    return End::Unused(users);
                }
                None if !is_ready => {
                    is_ready = orphan::is_ready(self.layout);
                    if is_ready {
                        self.was_ready = true;
                        let _ = std::fs::remove_file(self.layout.restart_marker());
                    }
                }
                None => {
                    let found = binaries.fingerprint();
                    if found != started_with && self.is_upgraded(found == seen) {
                        self.stop(server);
                        return End::Outdated;
                    }
                    seen = found;
                }
            }
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

    /// Closes all connections and stops (SIGINT); without a checkpoint when that takes too long (SIGQUIT).
    fn stop(&mut self, server: Pid) {
        let _ = kill_process(server, Signal::INT);
        loop {
            match self.events.recv_timeout(FAST_SHUTDOWN) {
                Ok(Event::Exited(_)) => return,
                Ok(Event::Unused(users)) => self.unused = Some(users),
                Err(_) if kill_process(server, Signal::QUIT).is_err() => return,
                Err(_) => {}
            }
        }
    }

    fn next(&mut self, timeout: Duration) -> Option<Event> {
        let unused = self.unused.take().map(Event::Unused);
        unused.or_else(|| self.events.recv_timeout(timeout).ok())
    }
}
