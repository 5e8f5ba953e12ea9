//! Finds the programs of a PostgreSQL server on this machine.

use std::cmp::Reverse;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::failure::{Result, failure};
use crate::layout::Layout;

/// Where packages install several versions side by side: parent, prefix of the version, child.
const VERSIONED: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/usr", "pgsql-", "bin"),
];

/// The directory that holds `initdb` and `postgres`.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// The first programs found, of that major version if one is given.
    pub(crate) fn find(major_version: Option<&str>, layout: &Layout) -> Result<Self> {
        let mut others = Vec::new();
        for directory in candidates() {
            let Some(binaries) = Self::in_directory(&directory) else { continue };
            let Some(wanted) = major_version else { return Ok(binaries) };
            match binaries.major_version() {
                Some(found) if found == wanted => return Ok(binaries),
                Some(found) if !others.contains(&found) => others.push(found),
                _ => {}
            }
        }
        Err(failure(match major_version {
            Some(wanted) if !others.is_empty() => format!(
                "the data directory {} was created by PostgreSQL {wanted}, but this machine has PostgreSQL {}: \
                 install PostgreSQL {wanted}, or choose another directory",
                layout.data_dir().display(),
                others.join(" and "),
            ),
            _ => {
                "no PostgreSQL server found in PATH, with pg_config or in the usual directories: install one \
                  (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; \
                  macOS: brew install postgresql)"
                    .to_owned()
            }
        }))
    }

    /// The programs in a directory; `None` where they are missing.
    pub(crate) fn in_directory(directory: &Path) -> Option<Self> {
        let complete = ["initdb", "postgres"].iter().all(|name| directory.join(name).is_file());
        complete.then(|| Self { directory: directory.to_owned() })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Identifies the content of the server's program; `None` while it is missing.
    pub(crate) fn fingerprint(&self) -> Option<(u64, u64, SystemTime)> {
        let file = self.program("postgres").metadata().ok()?;
        Some((file.ino(), file.size(), file.modified().ok()?))
    }

    fn major_version(&self) -> Option<String> {
        let output = Command::new(self.program("postgres")).arg("--version").output().ok()?;
        major_version_in(std::str::from_utf8(&output.stdout).ok()?).map(str::to_owned)
    }
}

/// Lazy: `pg_config` costs a process.
fn candidates() -> impl Iterator<Item = PathBuf> {
    in_path()
        .chain(std::iter::once_with(from_pg_config).flatten())
        .chain(VERSIONED.iter().flat_map(versioned))
}

/// `initdb` in PATH is often a link into the directory of all programs.
fn in_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    directories.into_iter().filter_map(|directory| {
        let initdb = directory.join("initdb").canonicalize().ok()?;
        initdb.parent().map(Path::to_owned)
    })
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let directory = std::str::from_utf8(&output.stdout).ok()?.trim();
    output.status.success().then(|| PathBuf::from(directory))
}

/// Newest version first.
fn versioned((parent, prefix, child): &(&str, &str, &str)) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(child)))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// `15` in `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
fn major_version_in(output: &str) -> Option<&str> {
    let version = output.split(' ').nth(2)?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    (digits > 0).then(|| &version[..digits])
}

#[cfg(test)]
mod tests {
    use super::major_version_in;

    #[test]
    fn major_version_is_parsed_from_releases_and_betas() {
        assert_eq!(major_version_in("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), Some("15"));
        assert_eq!(major_version_in("postgres (PostgreSQL) 19beta1\n"), Some("19"));
        assert_eq!(major_version_in("postgres"), None);
    }
}
