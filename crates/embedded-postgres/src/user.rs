//! The operating system user that runs the embedded PostgreSQL: ours, or an unprivileged one when we are root.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Result, cannot, failure};
use crate::layout::Layout;

/// The first that exists. Packages of the server create `postgres`.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];

/// The user of the server's programs. PostgreSQL refuses to run as root.
#[derive(Clone, Debug)]
pub(crate) struct ServerUser {
    /// User and group id; `None` for our own user.
    other: Option<(u32, u32)>,
    /// Capability that opens parents of the data directory to another user, such as `/root`.
    capability: Option<&'static str>,
}

impl ServerUser {
    /// The user for that data directory, which must exist.
    pub(crate) fn choose(layout: &Layout) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None, capability: None });
        }
        let passwd =
            std::fs::read_to_string("/etc/passwd").map_err(cannot("read", Path::new("/etc/passwd")))?;
        let (uid, gid) =
            UNPRIVILEGED_USERS.iter().find_map(|name| user_in(&passwd, name)).ok_or_else(|| {
                failure("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
            })?;
        let is_closed = layout.data_dir().ancestors().any(|directory| !may_traverse(directory, uid, gid));
        let capability = if is_closed { Some(traversing_capability(layout)?) } else { None };
        Ok(Self { other: Some((uid, gid)), capability })
    }

    /// Creates a directory that only this user may enter.
    pub(crate) fn create_private_dir(&self, path: &Path) -> Result<()> {
        DirBuilder::new().mode(0o700).create(path).map_err(cannot("create", path))?;
        let (uid, gid) = self.other.unzip();
        chown(path, uid, gid).map_err(cannot("own", path))
    }

    /// A command that runs as this user. With `setpriv` of util-linux, the kernel sends it that signal when the thread that
    /// started it ends.
    pub(crate) fn command(&self, program: &Path, signal_when_orphaned: &str) -> Result<Command> {
        let mut command = Command::new(program);
        if has_setpriv() {
            command = Command::new("setpriv");
            command.args(["--pdeathsig", signal_when_orphaned]).args(self.setpriv_arguments());
            command.arg("--").arg(program);
        } else if self.other.is_some() {
            return Err(failure(
                "PostgreSQL does not run as root: run as another user, or install setpriv (util-linux)",
            ));
        }
        // The user may not enter our working directory.
        command.current_dir("/").stdin(Stdio::null());
        Ok(command)
    }

    fn setpriv_arguments(&self) -> Vec<String> {
        let ids = self.other.map(|(uid, gid)| {
            [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]
        });
        let capability = self
            .capability
            .map(|capability| [format!("--inh-caps=+{capability}"), format!("--ambient-caps=+{capability}")]);
        ids.into_iter().flatten().chain(capability.into_iter().flatten()).collect()
    }
}

/// Creates the data directory. The server's user owns only the cluster in it, but must be able to reach that.
pub(crate) fn create_data_dir(layout: &Layout) -> Result<()> {
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    let created = DirBuilder::new().recursive(true).mode(mode).create(layout.data_dir());
    created.map_err(cannot("create", layout.data_dir()))
}

fn has_setpriv() -> bool {
    let probe = Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stdin(Stdio::null()).output();
    probe.is_ok_and(|output| output.status.success())
}

/// The user and group ids of a name in the text of `/etc/passwd`.
fn user_in(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_wanted = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        is_wanted.then_some((uid, gid))
    })
}

fn may_traverse(directory: &Path, uid: u32, gid: u32) -> bool {
    let Ok(metadata) = directory.metadata() else { return false };
    let execute = if metadata.uid() == uid {
        0o100
    } else if metadata.gid() == gid {
        0o010
    } else {
        0o001
    };
    metadata.mode() & execute != 0
}

/// The weakest of our own capabilities that opens closed directories. Containers often lack the first.
fn traversing_capability(layout: &Layout) -> Result<&'static str> {
    const BITS: [(&str, u32); 2] = [("dac_read_search", 2), ("dac_override", 1)];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let found = BITS.iter().find(|(_, bit)| effective & (1 << bit) != 0).map(|(name, _)| *name);
    found.ok_or_else(|| {
        failure(format!(
            "PostgreSQL does not run as root, and a parent of {} is closed to other users: \
             choose another directory",
            layout.data_dir().display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::user_in;

    #[test]
    fn user_is_found_by_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(user_in(passwd, "postgres"), Some((101, 104)));
        assert_eq!(user_in(passwd, "nobody"), None);
    }
}
