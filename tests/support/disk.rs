//! A file system of limited size for one PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::{Ending, Process};

/// Mounts a file system in a mount namespace of its own, and keeps that until it is killed.
const MOUNT: &str =
    r#"mount -t tmpfs -o "size=$2m,uid=$(id -u "$3")" tmpfs "$1" && echo mounted && exec sleep infinity"#;

/// A file system that only the programs run by [`Self::command`] see. It is gone when the value is dropped.
pub struct Disk {
    holder: Process,
    folder: PathBuf,
}

impl Disk {
    /// Mounts it at that folder, owned by that user. `None`, with a message, where mounting is not allowed.
    pub async fn mount(folder: &Path, megabytes: u32, owner: &str) -> Option<Self> {
        let tried = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
        if !tried.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: a disk of limited size needs root and unshare");
            return None;
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", MOUNT, "sh"]).arg(folder);
        command.args([&megabytes.to_string(), owner]);
        // Not in the folder, which is removed before the holder ends.
        let log = std::env::temp_dir().join(format!("sb-{}.log", uuid::Uuid::now_v7().simple()));
        let ending = Ending { signal: "KILL", folder: Some(&log) };
        let holder = Process::start(&command, &log, ending).expect("unshare");
        holder.wait_for("the disk", |log| log.contains("mounted").then_some(())).await;
        Some(Self { holder, folder: folder.to_owned() })
    }

    /// A program that sees the file system.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.id().expect("a process");
        command.arg(format!("--mount=/proc/{holder}/ns/mnt")).args(["--", program]);
        command
    }

    /// Uses all space that is left.
    pub fn fill(&self) {
        let script = r#"cat /dev/zero >>"$1/filler" 2>/dev/null; ! echo >>"$1/filler""#;
        self.run(script);
    }

    /// Frees the space that [`Self::fill`] used.
    pub fn free(&self) {
        self.run(r#"rm -f "$1/filler""#);
    }

    fn run(&self, script: &str) {
        let _ = self.command("sh").args(["-c", script, "sh"]).arg(&self.folder).output().expect("nsenter");
    }
}
