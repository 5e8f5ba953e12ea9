//! The private PostgreSQL that commands share when they are not told of another one.
//!
//! Nobody owns the server, so nobody can leave it behind. Each command holds a shared lock on a file for as long as it
//! runs; the kernel gives it back even when the command is killed. A *keeper* process ([`keep`]) has the server as its
//! child and waits for that lock exclusively: it gets it when the last command is gone, and then stops the server. When
//! the keeper itself is killed, the kernel tells the server to stop (`PR_SET_PDEATHSIG`); where it cannot, the next
//! start finds the lost server and stops it.

mod account;
mod binaries;
mod cluster;
mod keeper;
mod layout;
mod lost;

pub use keeper::keep;

use std::fmt;
use std::fs::{File, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::config::Secret;
use account::Account;
use binaries::Binaries;
use layout::Layout;

/// The hidden subcommand that runs [`keep`], followed by the data directory and the directory of the server's programs.
pub const KEEPER_COMMAND: &str = "embedded-postgres";

const POLL: Duration = Duration::from_millis(10);
// Recovery after a crash replays at most one checkpoint's worth; a minute is generous.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const KILLED_SERVER_TIMEOUT: Duration = Duration::from_secs(3);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the private PostgreSQL cannot be used, in words for the operator.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: what was being done, to which path.
    fn io(doing: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("cannot {doing} {}", path.display());
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A use of the private PostgreSQL. The server runs at least as long as one of these lives, in any process.
#[derive(Debug)]
pub struct Embedded {
    layout: Layout,
    users: File,
    url: Secret,
}

impl Embedded {
    /// Makes sure that the server of that data directory runs, creating it on first use. `program` is our own binary,
    /// started as the keeper.
    ///
    /// # Errors
    ///
    /// When there is no PostgreSQL on this machine, when the data directory cannot be used, when the server does not
    /// start.
    pub async fn start(data_dir: &Path, program: PathBuf) -> Result<Self, Failure> {
        let layout = Layout::new(data_dir)?;
        account::create_data_dir(&layout)?;
        let account = Account::choose(&layout)?;
        // One at a time may create or start; the others find it running.
        let starting = locked(&layout.start_lock(), File::lock).await?;
        // Before anything is looked at: from here on the keeper does not stop the server. Waits while it is doing so.
        let users = locked(&layout.users_lock(), File::lock_shared).await?;
        if is_kept(&layout)? {
            wait_until_ready(&layout, None).await?;
        } else {
            start_server(&layout, &account, &program).await?;
        }
        drop(starting);
        let url = layout.url();
        Ok(Self { layout, users, url })
    }

    /// The database, for its plain owner.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Ends the use, and waits until the server has stopped unless others use it. Dropping does the same without
    /// waiting.
    pub async fn release(self) {
        drop(self.users);
        let Ok(users) = open_lock(&self.layout.users_lock()) else { return };
        // The keeper needs a moment to notice. While it stops the server it keeps the lock from us; as long as we can
        // have it, it either has not woken up yet or waits for others.
        for _ in 0..3 {
            tokio::time::sleep(POLL).await;
            match users.try_lock_shared() {
                Ok(()) => drop(users.unlock()),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(_)) => return,
            }
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline && matches!(users.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Called while no keeper lives and none can be started.
async fn start_server(layout: &Layout, account: &Account, program: &Path) -> Result<(), Failure> {
    lost::stop(layout).await?;
    let binaries = Binaries::find(cluster::major_version(layout)?.as_deref(), layout)?;
    cluster::create_if_missing(layout, &binaries, account)?;
    let give_up = Instant::now() + KILLED_SERVER_TIMEOUT;
    loop {
        let keeper = spawn_keeper(layout, &binaries, program)?;
        match wait_until_ready(layout, Some(keeper)).await {
            // Processes of a server that was killed take a moment to end; until then a new one does not start.
            Err(_) if Instant::now() < give_up => tokio::time::sleep(10 * POLL).await,
            outcome => return outcome,
        }
    }
}

/// Opens a lock file and waits for its lock.
async fn locked(path: &Path, lock: fn(&File) -> std::io::Result<()>) -> Result<File, Failure> {
    let file = open_lock(path)?;
    let waiting = tokio::task::spawn_blocking(move || lock(&file).map(|()| file));
    match waiting.await {
        Ok(outcome) => outcome.map_err(Failure::io("lock", path)),
        Err(error) => Err(Failure::new(format!("cannot lock {}: {error}", path.display()))),
    }
}

fn open_lock(path: &Path) -> Result<File, Failure> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(Failure::io("open", path))
}

/// Whether a keeper lives: it holds its lock as long as it does.
fn is_kept(layout: &Layout) -> Result<bool, Failure> {
    match open_lock(&layout.keeper_lock())?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Failure::io("lock", &layout.keeper_lock())(error)),
    }
}

fn spawn_keeper(layout: &Layout, binaries: &Binaries, program: &Path) -> Result<Child, Failure> {
    Command::new(program)
        .arg0("switchboard")
        .arg(KEEPER_COMMAND)
        .args([layout.data_dir(), binaries.directory()])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(layout.open_log()?)
        // Control-C in the terminal is meant for the command, not for the server that others may be using.
        .process_group(0)
        .spawn()
        .map_err(Failure::io("start", program))
}

async fn wait_until_ready(layout: &Layout, mut keeper: Option<Child>) -> Result<(), Failure> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !is_ready(layout) {
        let ended = match &mut keeper {
            Some(keeper) => !matches!(keeper.try_wait(), Ok(None)),
            None => true,
        };
        // A keeper that ended may have found another one at work.
        if (ended && !is_kept(layout)?) || Instant::now() > deadline {
            let log = layout.log();
            return Err(Failure::new(format!(
                "the embedded PostgreSQL did not start; see {}",
                log.display()
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

fn is_ready(layout: &Layout) -> bool {
    let server = layout.server().filter(|server| server.ready);
    let pid = server.and_then(|server| rustix::process::Pid::from_raw(server.pid));
    // The file may be that of a server that was killed.
    pid.is_some_and(|pid| lost::runs_on(pid, layout))
}
