//! One PostgreSQL per test run: started by the first test that needs it, removed after the last.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::OnceCell;

use super::citus::Citus;
use super::database::Database;
use super::disk::Disk;
use super::process::{Ending, Process};
use super::programs::{own, postgres_programs, server_user, unprivileged};
use super::sql::Sql;

/// Starts a throw-away cluster, or one that was killed: nothing is synced to disk, no TCP. In the C locale,
/// code that relies on the database for case-insensitive comparison fails.
const START: &str = r#"
    { [ -s "$2/data/PG_VERSION" ] ||
        "$1/initdb" -D "$2/data" $([ ! -d "$2/wal" ] || echo "-X $2/wal --wal-segsize=1") --no-sync -A trust -U admin --locale=C --encoding=UTF8 >/dev/null; } &&
    exec "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=400 -c fsync=off \
        -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 $3
"#;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static CITUS: LazyLock<Option<Citus>> = LazyLock::new(Citus::named);
static MIGRATED: OnceCell<Database> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A running PostgreSQL.
pub struct Cluster {
    // Ended first to last: the first one takes the folder with it.
    revived: Vec<Process>,
    process: Process,
    disk: Option<Disk>,
    folder: PathBuf,
    settings: String,
    /// Where its databases are instead: the tests' cluster when they run on Citus.
    citus: Option<Citus>,
}

/// What a disk of limited size holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOf {
    /// Everything but the write-ahead log.
    Data,
    /// The write-ahead log.
    WriteAheadLog,
}

/// A cluster whose processes are stopped (SIGSTOP) until the value is dropped.
pub struct Paused(Vec<Pid>);

impl Drop for Paused {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

impl Cluster {
    /// The cluster of this test run.
    pub async fn get() -> &'static Self {
        CLUSTER.get_or_init(|| async { Self { citus: CITUS.clone(), ..Self::start(&[]).await } }).await
    }

    /// A cluster of its own, with these settings, such as `jit=off`.
    pub async fn start(settings: &[&str]) -> Self {
        Self::start_in(new_folder(), None, settings).await
    }

    /// A cluster of its own on a disk of that many megabytes; `None` where that is not allowed.
    pub async fn on_small_disk(what: DiskOf, megabytes: u32, settings: &[&str]) -> Option<Self> {
        let folder = new_folder();
        let parts = ["data", "wal"].map(|part| folder.join(part));
        for part in &parts {
            fs::create_dir(part).expect("a folder");
            own(part);
        }
        let [data, wal] = parts;
        let disk = if what == DiskOf::Data { &data } else { &wal };
        let disk = Disk::mount(disk, megabytes, server_user()).await?;
        Some(Self::start_in(folder, Some(disk), settings).await)
    }

    /// A hot standby of this cluster, which must have `wal_level=replica` and `max_wal_senders`.
    pub async fn standby(&self, settings: &[&str]) -> Self {
        let folder = new_folder();
        let mut command = unprivileged(&folder, None);
        command.args([
            "-c",
            r#"exec "$1/pg_basebackup" -D "$2/data" -h "$3" -U admin -R -X stream -c fast"#,
            "sh",
        ]);
        command.arg(postgres_programs()).arg(&folder).arg(&self.folder);
        let output = command.output().expect("sh");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let settings: String = settings.iter().map(|setting| format!("-c {setting} ")).collect();
        let process = run(&folder, None, "log", &settings, Some(&folder)).await;
        Self { revived: Vec::new(), process, disk: None, folder, settings, citus: None }
    }

    /// A database, with this cluster as the one that may take over.
    pub fn beside(&self, database: &Database) -> Database {
        let mut both = database.clone();
        both.url = format!("{},{}&target_session_attrs=read-write", both.url, self.folder.display());
        both
    }

    /// The same database in this cluster.
    pub fn replica_of(&self, database: &Database) -> Database {
        let name = database.name.clone();
        Database { url: self.url("switchboard", &name), name, distributed: None }
    }

    async fn start_in(folder: PathBuf, disk: Option<Disk>, settings: &[&str]) -> Self {
        let settings: String = settings.iter().map(|setting| format!("-c {setting} ")).collect();
        let process = run(&folder, disk.as_ref(), "log", &settings, Some(&folder)).await;
        let cluster = Self { revived: Vec::new(), process, disk, folder, settings, citus: None };
        cluster.admin().run("CREATE ROLE owner LOGIN; CREATE ROLE switchboard LOGIN");
        cluster
    }

    /// A new, empty database.
    pub fn empty_database(&self) -> Database {
        self.create(None)
    }

    /// A copy of that database, which must have no connections.
    pub fn copy_of(&self, template: &Database) -> Database {
        self.create(Some(template))
    }

    /// Where a pooler finds it, as PgBouncer's settings name that.
    pub fn place(&self) -> String {
        self.citus.as_ref().map_or_else(|| format!("host={}", self.folder.display()), Citus::place)
    }

    /// A new database with all migrations applied.
    pub async fn migrated_database(&self) -> Database {
        let template = MIGRATED.get_or_init(|| async {
            let database = self.empty_database();
            database.migrate();
            assert!(database.sql().count("pg_tables WHERE schemaname = 'public'") > 1, "no tables");
            database
        });
        self.copy_of(template.await)
    }

    /// Kills all its processes with SIGKILL.
    pub fn kill(&self) {
        for process in self.processes() {
            let _ = kill_process(process, Signal::KILL);
        }
    }

    /// Shuts it down. Its standbys receive everything first.
    pub async fn stop(&self) {
        let server = self.processes()[0];
        kill_process(server, Signal::INT).expect("it runs");
        self.revived.last().unwrap_or(&self.process).ended().await;
    }

    /// Makes a standby a primary. Returns when it accepts writes.
    pub async fn promote(&self) {
        let mut admin = self.admin();
        admin.run("SELECT pg_promote(false)");
        let deadline = Instant::now() + Duration::from_secs(180);
        while admin.value("SELECT pg_is_in_recovery()") != false {
            assert!(Instant::now() < deadline, "the standby is not promoted");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Stops to send the write-ahead log to standbys, for ever.
    pub fn stop_sending(&self) {
        for row in self.admin().rows("SELECT pid FROM pg_stat_replication") {
            let sender = row["pid"].as_i64().and_then(|id| Pid::from_raw(id.try_into().ok()?));
            kill_process(sender.expect("a process"), Signal::STOP).expect("it runs");
        }
    }

    /// Starts it again after [`Self::kill`].
    pub async fn revive(&mut self) {
        let log = format!("log-{}", self.revived.len());
        self.revived.push(run(&self.folder, self.disk.as_ref(), &log, &self.settings, None).await);
    }

    /// Whether the server's first process runs.
    pub fn is_running(&self) -> bool {
        !self.revived.last().unwrap_or(&self.process).is_ended()
    }

    /// Its disk of limited size.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("a disk of limited size")
    }

    /// Stops all its processes with SIGSTOP.
    pub fn pause(&self) -> Paused {
        // A child may end meanwhile.
        let paused = Paused(self.processes());
        for process in &paused.0 {
            let _ = kill_process(*process, Signal::STOP);
        }
        paused
    }

    /// The server's first process, and its children.
    fn processes(&self) -> Vec<Pid> {
        let first = self.revived.last().unwrap_or(&self.process).id().expect("a process");
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        let ids = std::iter::once(first).chain(children);
        ids.filter_map(|id| Pid::from_raw(id.try_into().ok()?)).collect()
    }

    /// A shell as the user of the servers, and the folder of the server's socket.
    pub fn shell(&self) -> (Command, &Path) {
        (unprivileged(&self.folder, self.disk.as_ref()), &self.folder)
    }

    /// Its log file.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn create(&self, template: Option<&Database>) -> Database {
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let template = template.map(|database| &*database.name);
        let distributed = self.citus.as_ref().map(|citus| match template {
            Some(template) => citus.copy(template, &name),
            None => citus.create(&name),
        });
        if distributed.is_none() {
            let template = template.unwrap_or("template1");
            self.admin().run(&format!("CREATE DATABASE {name} OWNER owner TEMPLATE {template}"));
        }
        Database { url: self.url("switchboard", &name), name, distributed }
    }

    /// A new connection as a superuser.
    pub fn admin(&self) -> Sql {
        Sql::connect(&self.url("admin", "postgres"))
    }

    fn url(&self, role: &str, database: &str) -> String {
        match &self.citus {
            Some(citus) => citus.url(role, database),
            None => format!("postgres://{role}@/{database}?host={}", self.folder.display()),
        }
    }
}

/// Runs the server in that folder until it accepts connections. A folder to remove is removed after it.
async fn run(
    folder: &Path,
    disk: Option<&Disk>,
    log: &str,
    settings: &str,
    removed: Option<&Path>,
) -> Process {
    let mut command = unprivileged(folder, disk);
    command.args(["-c", START, "sh"]).arg(postgres_programs()).arg(folder).arg(settings);
    let ending = Ending { signal: "QUIT", folder: removed };
    let process = Process::start(&command, &folder.join(log), ending).expect("sh");
    let ready = ["ready to accept connections", "ready to accept read-only connections"];
    process.wait_for("PostgreSQL", |log| ready.iter().any(|ready| log.contains(ready)).then_some(())).await;
    process
}

/// A new folder for a cluster.
fn new_folder() -> PathBuf {
    let folder = env::temp_dir().join(format!("sb-{}", uuid::Uuid::now_v7().simple()));
    fs::create_dir(&folder).expect("a folder for PostgreSQL");
    folder
}
