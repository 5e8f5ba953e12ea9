//! Runs the real program in a temporary data directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_switchboard");

/// A data directory, removed when dropped.
pub struct Place {
    pub directory: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("switchboard-cli-{}-{number}", std::process::id()));
        Self { directory }
    }

    /// The program with these arguments, without the `SWITCHBOARD_` variables of the environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SWITCHBOARD_"));
        for (name, _) in ours {
            command.env_remove(name);
        }
        command.args(arguments).env("SWITCHBOARD_DATA_DIR", &self.directory).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        Answer::new(self.command(arguments).output().unwrap())
    }

    /// The standard output of a command that must succeed.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?}: {}", answer.stderr);
        answer.stdout.trim_end().to_owned()
    }

    pub fn ask_json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ask(arguments)).unwrap()
    }

    /// Ids of the supervisor process, by its arguments, and of the server's processes, by their working directory.
    pub fn processes(&self) -> Vec<i32> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id| self.works_here(*id)).collect()
    }

    /// The supervisor process, if there is one.
    pub fn supervisor(&self) -> Option<i32> {
        let is_supervisor =
            |id: &i32| read(*id, "cmdline").is_some_and(|line| line.contains("embedded-postgres"));
        self.processes().into_iter().find(is_supervisor)
    }

    /// Whether a program is connected to the server, by the titles of the server's processes.
    pub fn has_client(&self) -> bool {
        self.processes()
            .into_iter()
            .any(|id| read(id, "cmdline").is_some_and(|title| title.contains("[local]")))
    }

    fn works_here(&self, id: i32) -> bool {
        let directory = self.directory.to_string_lossy();
        let in_arguments = read(id, "cmdline").is_some_and(|line| line.contains(&*directory));
        in_arguments
            || std::fs::read_link(format!("/proc/{id}/cwd"))
                .is_ok_and(|path| path.starts_with(&self.directory))
    }

    /// Waits until no process of the data directory is left.
    pub fn wait_until_empty(&self) {
        wait_for("the last process to end", || self.processes().is_empty());
    }
}

fn read(id: i32, what: &str) -> Option<String> {
    let bytes = std::fs::read(Path::new("/proc").join(id.to_string()).join(what)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The result of a command.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Polls for two minutes at most.
pub fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_there() {
        assert!(Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Kills the process, unless it has just exited.
pub fn kill(id: i32) {
    let id = rustix::process::Pid::from_raw(id).unwrap();
    match rustix::process::kill_process(id, rustix::process::Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => {}
        outcome => outcome.unwrap(),
    }
}
