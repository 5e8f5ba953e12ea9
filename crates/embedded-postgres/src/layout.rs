//! The files of the embedded PostgreSQL in the data directory.

use std::fmt::Write;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Result, cannot, failure};

/// The server listens only on a unix socket; the port is part of its file name.
pub(crate) const PORT: &str = "5432";

const SOCKET: &str = ".s.PGSQL.5432";
/// The longest path of a unix socket, in bytes.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const MAX_LOG_BYTES: u64 = 1 << 20;

/// The paths in a data directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    data_dir: PathBuf,
}

impl Layout {
    /// The paths in that directory.
    pub(crate) fn new(data_dir: &Path) -> Result<Self> {
        let data_dir = std::path::absolute(data_dir).map_err(cannot("find", data_dir))?;
        let layout = Self { data_dir };
        let socket = layout.socket();
        let shown = layout.data_dir.display();
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(failure(format!(
                "the data directory {shown} is too long for a unix socket in it ({} bytes, at most {MAX_SOCKET_PATH}): \
                 choose a shorter one",
                socket.as_os_str().len(),
            )));
        }
        // libpq and PostgreSQL parse the directory of the socket as a list.
        if layout.data_dir.to_str().is_none_or(|path| path.contains([',', '"', '\n'])) {
            return Err(failure(format!(
                "the data directory {shown} must be UTF-8 without commas, quotes and line breaks: \
                 choose another one"
            )));
        }
        Ok(layout)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The database cluster, and the directory of the socket: only the server's user may enter it.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.cluster().join(SOCKET)
    }

    /// Holds the process id of the server that created the socket.
    pub(crate) fn socket_lock(&self) -> PathBuf {
        self.cluster().join(format!("{SOCKET}.lock"))
    }

    /// A cluster that is being created; renamed when it is complete.
    pub(crate) fn unfinished_cluster(&self) -> PathBuf {
        self.data_dir.join("postgres.new")
    }

    /// Held exclusively by the command that is creating or starting the server.
    pub(crate) fn start_lock(&self) -> PathBuf {
        self.data_dir.join("start.lock")
    }

    /// Held shared by every command that uses the server.
    pub(crate) fn users_lock(&self) -> PathBuf {
        self.data_dir.join("users.lock")
    }

    /// Held exclusively by the supervisor while it lives.
    pub(crate) fn supervisor_lock(&self) -> PathBuf {
        self.data_dir.join("supervisor.lock")
    }

    /// Exists while the supervisor is about to restart the server.
    pub(crate) fn restart_marker(&self) -> PathBuf {
        self.data_dir.join("restarting")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// The log, opened for appending; truncated when it is large.
    pub(crate) fn open_log(&self) -> Result<File> {
        let path = self.log();
        let open = || {
            let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
            if file.metadata()?.len() > MAX_LOG_BYTES {
                file.set_len(0)?;
            }
            Ok(file)
        };
        open().map_err(cannot("open", &path))
    }

    /// The file in which a running server describes itself.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.cluster().join("postmaster.pid")
    }

    /// The database as a libpq URL.
    pub(crate) fn url(&self, owner: &str) -> String {
        let mut host = String::new();
        for byte in self.cluster().as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
                host.push(char::from(*byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(host, "%{byte:02X}");
            }
        }
        format!("postgres://{owner}@/{owner}?host={host}&port={PORT}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_escapes_odd_directory_names() {
        let layout = Layout::new(Path::new("/tmp/a b%c?d&e")).unwrap();
        assert_eq!(
            layout.url("acme"),
            "postgres://acme@/acme?host=/tmp/a%20b%25c%3Fd%26e/postgres&port=5432"
        );
    }

    #[test]
    fn data_dir_too_long_for_a_socket_is_rejected() {
        let rejected = Layout::new(Path::new(&format!("/tmp/{}", "x".repeat(100)))).unwrap_err();
        assert!(rejected.to_string().contains("choose a shorter one"), "{rejected}");
    }
}
