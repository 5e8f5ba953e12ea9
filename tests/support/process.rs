//! Child processes that end with the tests, also when the tests are killed with `kill -9`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The guard: runs the command and ends it when its own standard input closes, which the kernel does when this
/// process ends for any reason. The first line of the log is the process id of the command, the last its exit status.
const GUARD: &str = r#"
    trap : INT TERM HUP
    signal=$1 folder=$2 log=$3
    shift 3
    { sh -c 'echo $$; exec "$@"' sh "$@" </dev/null; echo "[ended with $?]"; } >"$log" 2>&1 &
    cat >/dev/null
    # Once it has started.
    until read -r child <"$log"; do sleep 0.01; done
    kill "-$signal" "$child" 2>/dev/null
    wait
    [ -z "$folder" ] || rm -rf "$folder"
"#;
const ENDED: &str = "[ended with ";

/// Long, because test machines are busy.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(5);

/// A running child process with a log of what it prints.
pub struct Process {
    guard: Child,
    log: PathBuf,
}

/// How a child process is stopped.
pub struct Ending<'a> {
    /// The signal, such as `KILL`.
    pub signal: &'a str,
    /// A folder to remove afterwards.
    pub folder: Option<&'a Path>,
}

impl Process {
    /// Starts the command; both its outputs go to the log.
    pub fn start(command: &Command, log: &Path, ending: Ending<'_>) -> io::Result<Self> {
        // It must be there when the guard reads it.
        fs::write(log, "")?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh", ending.signal]).arg(ending.folder.unwrap_or(Path::new(""))).arg(log);
        guard.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        // Not the test's own outputs: their reader would wait until every process closes them.
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { guard: guard.spawn()?, log: log.to_owned() })
    }

    /// The id of the command's process.
    pub fn id(&self) -> Option<u32> {
        self.log().lines().next()?.parse().ok()
    }

    /// Sends SIGTERM.
    pub fn send_sigterm(&self) {
        let id = self.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("a process");
        kill_process(id, Signal::TERM).expect("it runs");
    }

    /// Sends SIGTERM and waits for the exit code.
    pub async fn terminate(&self) -> i32 {
        self.send_sigterm();
        self.ended().await
    }

    /// Waits until the process exits, for its exit code.
    pub async fn ended(&self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let code =
                log.rsplit_once(ENDED).and_then(|(_, code)| code.trim_end().strip_suffix(']')?.parse().ok());
            if let Some(code) = code {
                return code;
            }
            assert!(Instant::now() < deadline, "it did not end:\n{log}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether the process has exited.
    pub fn is_ended(&self) -> bool {
        self.log().contains(ENDED)
    }

    /// The output so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until the log contains a match. Panics with the log on timeout.
    pub async fn wait_for<T>(&self, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if let Some(found) = look(&log) {
                return found;
            }
            let is_over = log.contains(ENDED) || Instant::now() > deadline;
            assert!(!is_over, "{what} did not come up:\n{log}");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
