//! A test's database, and the binary set to it.

use std::env;
use std::process::Command;
use std::sync::Arc;

use super::SWITCHBOARD;
use super::citus::DistributedDatabase;
use super::sql::Sql;

/// The signing key of every server under test.
pub const SIGNING_KEY: &str = "dGhlIHRlc3RzJyBvd24ga2V5OiAxNTU1MDEwMDQwMC4=";

/// A database of its own. One role owns it, and another that may only read and write rows is the service's.
#[derive(Clone, Debug)]
pub struct Database {
    /// libpq URL of the application's role.
    pub url: String,
    pub(super) name: String,
    /// Its parts on all nodes, if it is on Citus.
    pub(super) distributed: Option<Arc<DistributedDatabase>>,
}

impl Database {
    /// A new connection as the application's role.
    pub fn sql(&self) -> Sql {
        Sql::connect(&self.url)
    }

    /// A new connection as a superuser.
    pub fn admin(&self) -> Sql {
        Sql::connect(&self.admin_url())
    }

    /// The connections whose statements wait for rows that another transaction has locked, as [`Sql::count`] takes them. On
    /// Citus, those of the coordinator wait for a worker.
    pub const fn waiting_for_rows(&self) -> &'static str {
        match self.distributed {
            None => "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            Some(_) => {
                "pg_stat_activity WHERE datname = current_database() AND state = 'active' AND wait_event = 'ClientRead'"
            }
        }
    }

    /// libpq URL of the role that owns the tables.
    pub fn owner_url(&self) -> String {
        self.url.replacen("switchboard@", "owner@", 1)
    }

    /// Applies all migrations as the owner, distributes the tables on Citus, and lets the service's role use them.
    pub fn migrate(&self) {
        let mut args = vec!["migrate", "up", "--service-role", "switchboard"];
        if self.distributed.is_some() {
            args.push("--distribute");
        }
        self.cli_as_owner(&args);
    }

    /// Runs the binary as the owner and returns what it prints. Panics when it fails.
    pub fn cli_as_owner(&self, args: &[&str]) -> String {
        Self { url: self.owner_url(), ..self.clone() }.cli(args)
    }

    /// libpq URL of a superuser.
    pub fn admin_url(&self) -> String {
        self.url.replacen("switchboard@", "admin@", 1)
    }

    /// The binary, set to this database and to nothing else of the environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(SWITCHBOARD);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("SWITCHBOARD_") {
                command.env_remove(name);
            }
        }
        command.args(args).env("SWITCHBOARD_DATABASE_URL", &self.url);
        command.env("SWITCHBOARD_SIGNING_KEY", SIGNING_KEY);
        // Test machines are busy, so waiting is expected.
        command.env("SWITCHBOARD_DATABASE_ACQUIRE_TIMEOUT", "10s");
        // Tests exceed the default rate limits.
        command.env("SWITCHBOARD_KEY_RATE_LIMIT", "unlimited").env("SWITCHBOARD_ORG_RATE_LIMIT", "unlimited");
        // No load balancer has to deregister a test server.
        command.env("SWITCHBOARD_DRAIN_DELAY", "1ms");
        command
    }

    /// A new key of that organization that can do that; limited to these sessions when there are any.
    pub fn create_key(&self, org: &str, can: &str, sessions: &[String]) -> String {
        let key = ["key", "create", "--org", org, "--name", "test", "--can", can];
        let limits = sessions.iter().flat_map(|session| ["--session", session]);
        self.cli(&key.into_iter().chain(limits).collect::<Vec<_>>())
    }

    /// Runs the binary and returns what it prints. Panics when it fails.
    pub fn cli(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("the binary");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "switchboard {}: {}\n{stderr}", args.join(" "), output.status);
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }
}
