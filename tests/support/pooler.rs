//! PgBouncer in transaction mode before the tests' PostgreSQL.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use super::cluster::Cluster;
use super::database::Database;
use super::process::{Ending, Process};
use super::server::Server;

static PORT: AtomicU32 = AtomicU32::new(6432);

/// Another PgBouncer than Debian's, which is 1.18, when the variable `PGBOUNCER` names one.
fn program() -> OsString {
    env::var_os("PGBOUNCER").unwrap_or_else(|| "/usr/sbin/pgbouncer".into())
}

/// A running PgBouncer.
pub struct Pooler {
    folder: PathBuf,
    port: u32,
    _process: Process,
}

impl Pooler {
    /// Starts one that shares three server connections among all clients of a database.
    pub async fn start(cluster: &Cluster) -> Self {
        let port = PORT.fetch_add(1, Ordering::Relaxed);
        let (mut command, folder) = cluster.shell();
        let (settings, users) = (folder.join(format!("{port}.ini")), folder.join(format!("{port}.users")));
        fs::write(&users, "\"switchboard\" \"\"\n\"admin\" \"\"\n").expect("a file");
        let text = format!(
            "[databases]\n* = {}\n[pgbouncer]\nlisten_addr =\nlisten_port = {port}\n\
             unix_socket_dir = {}\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 3\nmax_client_conn = 500\n",
            cluster.place(),
            folder.display(),
            users.display()
        );
        fs::write(&settings, text).expect("a file");
        for file in [&settings, &users] {
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("ours");
        }
        command.args(["-c", r#"exec "$1" "$2""#, "sh"]).arg(program()).arg(&settings);
        let log = settings.with_extension("log");
        let process = Process::start(&command, &log, Ending { signal: "INT", folder: None }).expect("sh");
        process.wait_for("PgBouncer", |log| log.contains("process up").then_some(())).await;
        Self { folder: folder.to_owned(), port, _process: process }
    }

    /// A server that reaches that database through it.
    pub async fn serve(&self, database: &Database, args: &[&str]) -> Server {
        let mut command = database.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        command.env("SWITCHBOARD_DATABASE_URL", self.url(database));
        command.env("SWITCHBOARD_DATABASE_DIRECT_URL", &database.url);
        Server::run(&command).await
    }

    /// libpq URL of the database through the pooler.
    pub fn url(&self, database: &Database) -> String {
        format!("postgres://switchboard@/{}?host={}&port={}", database.name, self.folder.display(), self.port)
    }
}
