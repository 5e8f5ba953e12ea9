//! Where everything of the private PostgreSQL lies in the data directory.

use std::fmt::Write;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::Secret;

/// The server listens nowhere but on a socket, so the number is only part of that file's name.
pub(super) const PORT: &str = "5432";
/// The role our commands connect as, and its database: plain, so that row level security holds for it.
pub(super) const OWNER: &str = "switchboard";

const SOCKET: &str = ".s.PGSQL.5432";
/// The longest path of a unix socket, in bytes.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const MAX_LOG_BYTES: u64 = 1 << 20;

/// The paths in a data directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    data_dir: PathBuf,
}

/// What a running server says of itself in `postmaster.pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) pid: i32,
    pub(super) ready: bool,
}

impl Layout {
    /// The paths in that directory.
    pub(super) fn new(data_dir: &Path) -> Result<Self, Failure> {
        let data_dir = std::path::absolute(data_dir).map_err(Failure::io("find", data_dir))?;
        let layout = Self { data_dir };
        let socket = layout.socket();
        let shown = layout.data_dir.display();
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(Failure::new(format!(
                "the data directory {shown} is too long for a unix socket in it ({} bytes, at most {MAX_SOCKET_PATH}): \
                 choose a shorter one with --data-dir",
                socket.as_os_str().len(),
            )));
        }
        // libpq and PostgreSQL read a list of directories where we give one.
        if layout.data_dir.to_str().is_none_or(|path| path.contains([',', '"', '\n'])) {
            return Err(Failure::new(format!(
                "the data directory {shown} must be UTF-8 without commas, quotes and line breaks: \
                 choose another one with --data-dir"
            )));
        }
        Ok(layout)
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The database cluster; also the directory of the socket, because nobody but the server's user may enter it.
    pub(super) fn cluster(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.cluster().join(SOCKET)
    }

    /// Names the server that made the socket.
    pub(super) fn socket_lock(&self) -> PathBuf {
        self.cluster().join(format!("{SOCKET}.lock"))
    }

    /// A cluster in the making, renamed when it is complete.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.data_dir.join("postgres.new")
    }

    /// Held exclusively by the command that is creating or starting the server.
    pub(super) fn start_lock(&self) -> PathBuf {
        self.data_dir.join("start.lock")
    }

    /// Held shared by every command that uses the server.
    pub(super) fn users_lock(&self) -> PathBuf {
        self.data_dir.join("users.lock")
    }

    /// Held exclusively by the keeper, as long as it lives.
    pub(super) fn keeper_lock(&self) -> PathBuf {
        self.data_dir.join("keeper.lock")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// The log, for appending; begun anew when it has grown large.
    pub(super) fn open_log(&self) -> Result<File, Failure> {
        let path = self.log();
        let open = || {
            let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
            if file.metadata()?.len() > MAX_LOG_BYTES {
                file.set_len(0)?;
            }
            Ok(file)
        };
        open().map_err(Failure::io("open", &path))
    }

    /// The file a running server describes itself in.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// The server that says it runs on the cluster; it may have died without a word.
    pub(super) fn server(&self) -> Option<Server> {
        parse_pid_file(&std::fs::read_to_string(self.pid_file()).ok()?)
    }

    /// The database as a libpq URL.
    pub(super) fn url(&self) -> Secret {
        let mut host = String::new();
        for byte in self.cluster().as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
                host.push(char::from(*byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(host, "%{byte:02X}");
            }
        }
        Secret::new(format!("postgres://{OWNER}@/{OWNER}?host={host}&port={PORT}"))
    }
}

/// The format is PostgreSQL's `pidfile.h`: the first line is the pid, the eighth the status.
fn parse_pid_file(text: &str) -> Option<Server> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    let ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
    Some(Server { pid, ready })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_says_who_runs_and_whether_it_is_ready() {
        let file = "4711\n/data\n1763824879\n5432\n/data\n\n  17 42\nready   \n";
        assert_eq!(parse_pid_file(file), Some(Server { pid: 4711, ready: true }));
        let starting = file.replace("ready", "starting");
        assert_eq!(parse_pid_file(&starting), Some(Server { pid: 4711, ready: false }));
        assert_eq!(parse_pid_file("4711\n"), Some(Server { pid: 4711, ready: false }));
        for nonsense in ["", "\n", "x\n", "-4711\n", "0\n"] {
            assert_eq!(parse_pid_file(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn the_url_survives_odd_directory_names() {
        let layout = Layout::new(Path::new("/tmp/a b%c?d&e")).unwrap();
        assert_eq!(
            layout.url().expose(),
            "postgres://switchboard@/switchboard?host=/tmp/a%20b%25c%3Fd%26e/postgres&port=5432"
        );
    }

    #[test]
    fn a_directory_that_no_socket_fits_in_is_refused_by_name() {
        let refused = Layout::new(Path::new(&format!("/tmp/{}", "x".repeat(100)))).unwrap_err();
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
    }
}
