//! PostgreSQL's programs, and the user that runs its servers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::disk::Disk;

fn is_root() -> bool {
    output_of("id", &["-u"]).as_deref() == Some("0")
}

/// The user of the servers when the tests run as root, as which PostgreSQL refuses to run.
pub fn server_user() -> &'static str {
    if output_of("id", &["-u", "postgres"]).is_some() { "postgres" } else { "nobody" }
}

/// Gives a folder to the user of the servers.
pub fn own(folder: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg(server_user()).arg(folder).status();
        assert!(owned.is_ok_and(|status| status.success()), "chown {}", folder.display());
    }
}

/// A shell as an unprivileged user, who owns the folder.
pub fn unprivileged(folder: &Path, disk: Option<&Disk>) -> Command {
    if !is_root() {
        return Command::new("sh");
    }
    own(folder);
    let mut command = disk.map_or_else(|| Command::new("setpriv"), |disk| disk.command("setpriv"));
    command.args([&format!("--reuid={}", server_user()), "--clear-groups", "sh"]);
    command
}

/// The folder of PostgreSQL's server programs: Debian's newest, else the one on the `PATH`, else `pg_config`'s.
pub fn postgres_programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).collect::<Vec<_>>();
    let pg_config = output_of("pg_config", &["--bindir"]).map(PathBuf::from);
    let mut candidates = versions.into_iter().rev().map(|(_, folder)| folder).chain(on_path).chain(pg_config);
    candidates
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("PostgreSQL's server programs: apt-get install postgresql")
}

/// What the program prints, when it succeeds.
pub fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
