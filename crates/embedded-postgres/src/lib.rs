//! A PostgreSQL server of a program's own, which all its processes share: started on first use, stopped after the last.
//!
//! Each command holds a shared lock on `users.lock` while it runs; the kernel releases it even when the command is killed.
//! A *supervisor* has the server as its child: a thread of `serve`, or a process of its own that other commands start. It
//! stops the server once it gets that lock exclusively, which means that no command is left. When the supervisor is killed,
//! the kernel stops the server (`PR_SET_PDEATHSIG`); where that does not exist, the next start stops it.

mod binaries;
mod cluster;
mod failure;
mod layout;
mod locks;
mod orphan;
mod supervisor;
mod user;

pub use self::supervisor::supervise;

use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::binaries::Binaries;
use self::failure::{Result, cannot, failure};
use self::layout::Layout;
use self::user::ServerUser;

/// The subcommand that must run [`supervise`]. Its arguments are the data directory and the directory of the server's
/// programs.
pub const SUPERVISOR_COMMAND: &str = "embedded-postgres";

const POLL: Duration = Duration::from_millis(10);
/// Recovery after a crash replays at most one checkpoint's worth.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const KILLED_SERVER_TIMEOUT: Duration = Duration::from_secs(3);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the supervisor runs, if this command has to start one.
pub enum SupervisedBy {
    /// A thread of this process, which stops the server at the latest when the process ends.
    ThisProcess,
    /// A process of its own, which runs this program with [`SUPERVISOR_COMMAND`] and ends after the last use.
    OwnProcess(PathBuf),
}

/// A use of the embedded PostgreSQL. The server runs at least as long as one exists, in any process.
#[derive(Debug)]
pub struct Embedded {
    layout: Layout,
    users: File,
    url: String,
    supervisor: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts the server of that data directory unless it runs, and creates its cluster on first use.
    ///
    /// `owner` names the role that clients connect as, and its database: lower-case letters.
    ///
    /// # Errors
    ///
    /// This machine has no PostgreSQL, the data directory cannot be used, or the server does not start.
    pub async fn start(data_dir: &Path, owner: &str, supervised_by: SupervisedBy) -> Result<Self> {
        let layout = Layout::new(data_dir)?;
        user::create_data_dir(&layout)?;
        // One command at a time creates or starts; the others find a running server.
        let starting = locks::wait(layout.start_lock(), File::lock).await?;
        // From here on the supervisor does not stop the server. Waits while it is stopping.
        let users = locks::wait(layout.users_lock(), File::lock_shared).await?;
        let supervisor = if locks::is_held(&layout.supervisor_lock())? {
            wait_until_ready(&layout, || true).await?;
            match supervised_by {
                SupervisedBy::ThisProcess => Some(supervisor::spawn_standby(layout.clone())?),
                SupervisedBy::OwnProcess(_) => None,
            }
        } else {
            start_server(&layout, owner, &supervised_by).await?
        };
        drop(starting);
        let url = layout.url(owner);
        Ok(Self { layout, users, url, supervisor })
    }

    /// The libpq URL of the owner's database, over a unix socket that only the server's user and root may use.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the server is about to be restarted, because its programs changed on disk.
    pub fn is_restarting(&self) -> bool {
        self.layout.restart_marker().exists()
    }

    /// Ends the use, and waits until the server has stopped unless other commands use it. Dropping does not wait.
    pub async fn release(self) {
        drop(self.users);
        let deadline = Instant::now() + STOP_TIMEOUT;
        if let Some(supervisor) = self.supervisor {
            while !supervisor.is_finished() && Instant::now() < deadline {
                tokio::time::sleep(POLL).await;
            }
            return;
        }
        let Ok(users) = locks::open(&self.layout.users_lock()) else { return };
        // The supervisor gets the lock within a moment, unless other commands hold it, and keeps it until the server has
        // stopped.
        tokio::time::sleep(5 * POLL).await;
        while Instant::now() < deadline && matches!(users.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Called while no supervisor lives and no other command can start one.
async fn start_server(
    layout: &Layout,
    owner: &str,
    supervised_by: &SupervisedBy,
) -> Result<Option<JoinHandle<()>>> {
    let user = ServerUser::choose(layout)?;
    orphan::stop(layout).await?;
    let binaries = Binaries::find(cluster::major_version(layout)?.as_deref(), layout)?;
    cluster::create_if_missing(layout, owner, &binaries, &user)?;
    let give_up = Instant::now() + KILLED_SERVER_TIMEOUT;
    loop {
        let (ready, supervisor) = match supervised_by {
            SupervisedBy::ThisProcess => {
                let thread = supervisor::spawn(layout.clone(), binaries.clone())?;
                (wait_until_ready(layout, || thread.is_finished()).await, Some(thread))
            }
            SupervisedBy::OwnProcess(program) => {
                let mut process = spawn_supervisor(layout, owner, &binaries, program)?;
                let has_ended = || !matches!(process.try_wait(), Ok(None));
                (wait_until_ready(layout, has_ended).await, None)
            }
        };
        match ready {
            // Processes of a killed server take a moment to end; until then a new one does not start.
            Err(_) if Instant::now() < give_up => tokio::time::sleep(10 * POLL).await,
            outcome => return outcome.map(|()| supervisor),
        }
    }
}

fn spawn_supervisor(layout: &Layout, owner: &str, binaries: &Binaries, program: &Path) -> Result<Child> {
    Command::new(program)
        .arg0(owner)
        .arg(SUPERVISOR_COMMAND)
        .args([layout.data_dir(), binaries.directory()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(layout.open_log()?)
        // Control-C in the terminal must not stop a server that other commands use.
        .process_group(0)
        .spawn()
        .map_err(cannot("start", program))
}

async fn wait_until_ready(layout: &Layout, mut has_ended: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !orphan::is_ready(layout) {
        // A supervisor that ended may have found another one.
        if (has_ended() && !locks::is_held(&layout.supervisor_lock())?) || Instant::now() > deadline {
            let log = layout.log();
            return Err(failure(format!("the embedded PostgreSQL did not start; see {}", log.display())));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
