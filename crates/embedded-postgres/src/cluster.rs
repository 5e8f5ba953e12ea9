//! Creates the database cluster of the embedded PostgreSQL atomically.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::binaries::Binaries;
use crate::failure::{Result, cannot, failure, if_found};
use crate::layout::Layout;
use crate::user::ServerUser;

/// macOS has no `C.UTF-8`.
const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// The major version of the cluster; `None` when there is no cluster yet.
pub(crate) fn major_version(layout: &Layout) -> Result<Option<String>> {
    let path = layout.cluster().join("PG_VERSION");
    let version = if_found(std::fs::read_to_string(&path)).map_err(cannot("read", &path))?;
    Ok(version.map(|version| version.trim().to_owned()))
}

/// Creates the cluster with the owner's role and database when there is none. It is renamed when it is complete, so an interrupted
/// attempt leaves nothing that looks like a cluster.
pub(crate) fn create_if_missing(
    layout: &Layout,
    owner: &str,
    binaries: &Binaries,
    user: &ServerUser,
) -> Result<()> {
    let (cluster, unfinished) = (layout.cluster(), layout.unfinished_cluster());
    if cluster.exists() {
        return Ok(());
    }
    if_found(std::fs::remove_dir_all(&unfinished)).map_err(cannot("remove", &unfinished))?;
    user.create_private_dir(&unfinished)?;
    initialize(&unfinished, binaries, user)?;
    create_owner(&unfinished, owner, binaries, user)?;
    std::fs::rename(&unfinished, &cluster).map_err(cannot("create", &cluster))
}

fn initialize(directory: &Path, binaries: &Binaries, user: &ServerUser) -> Result<()> {
    let mut initdb = user.command(&binaries.program("initdb"), "KILL")?;
    // Trust: only the server's user and root can enter the directory of the socket.
    initdb.args(["--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--locale", LOCALE]);
    // Syncing to a busy disk takes seconds, and only an empty cluster could be lost. The server syncs all later writes.
    initdb.arg("--no-sync").arg("--pgdata").arg(directory);
    succeed(&mut initdb, "")
}

/// The role has no privileges that bypass row level security.
fn create_owner(directory: &Path, owner: &str, binaries: &Binaries, user: &ServerUser) -> Result<()> {
    let mut single_user = user.command(&binaries.program("postgres"), "KILL")?;
    single_user
        .args(["--single", "-c", "exit_on_error=on", "-c", "fsync=off", "-D"])
        .arg(directory)
        .arg("postgres");
    // One statement per line.
    let statements = format!("CREATE ROLE {owner} LOGIN\nCREATE DATABASE {owner} OWNER {owner}\n");
    succeed(&mut single_user, &statements)
}

/// Runs a program with that input; its standard error becomes the failure.
fn succeed(command: &mut Command, input: &str) -> Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(cannot("run", Path::new(command.get_program())))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that exits early prints the reason to its standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(failure(format!("cannot create the embedded PostgreSQL: {}", stderr.trim())))
}
