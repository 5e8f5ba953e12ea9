//! A Citus cluster in place of the tests' own PostgreSQL: see `make citus`.

use std::env;
use std::sync::Arc;

use super::sql::Sql;

/// The cluster that `CITUS_DATABASE_URL` names: its superuser `admin`, its coordinator, and a database with the workers. Its
/// servers trust connections of the roles that the tests create.
#[derive(Clone, Debug)]
pub struct Citus {
    /// Host, port and database of the coordinator.
    place: String,
    /// Hosts and ports of the workers.
    workers: Vec<String>,
}

/// A database on all nodes, removed when the value is dropped: each has processes of its own on every node.
#[derive(Debug)]
pub struct DistributedDatabase {
    cluster: Citus,
    name: String,
}

impl Drop for DistributedDatabase {
    fn drop(&mut self) {
        self.cluster.drop_database(&self.name);
    }
}

/// Few, because each test's database has all tables.
const SHARDS: u32 = 4;

impl Citus {
    /// The cluster, if one is named. Creates the tests' roles and removes the databases of earlier runs.
    pub fn named() -> Option<Self> {
        let url = env::var("CITUS_DATABASE_URL").ok()?;
        let place = url
            .strip_prefix("postgres://admin@")
            .expect("CITUS_DATABASE_URL: postgres://admin@HOST:PORT/DATABASE");
        let mut sql = Sql::connect(&url);
        for role in ["owner", "switchboard"] {
            if sql.count(&format!("pg_roles WHERE rolname = '{role}'")) == 0 {
                sql.run(&format!("CREATE ROLE {role} LOGIN"));
            }
        }
        let workers = "SELECT nodename || ':' || nodeport AS worker FROM pg_dist_node WHERE groupid > 0";
        let workers =
            sql.rows(workers).iter().map(|row| row["worker"].as_str().expect("a text").to_owned()).collect();
        let cluster = Self { place: place.to_owned(), workers };
        for node in cluster.nodes() {
            for row in admin(node).rows("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'") {
                cluster.drop_database(row["datname"].as_str().expect("a name"));
            }
        }
        Some(cluster)
    }

    /// libpq URL of a role and a database on the coordinator.
    pub fn url(&self, role: &str, database: &str) -> String {
        let (host, port) = host_and_port(self.coordinator());
        format!("postgres://{role}@/{database}?host={host}&port={port}")
    }

    /// Host and port of the coordinator as PgBouncer's settings name them.
    pub fn place(&self) -> String {
        let (host, port) = host_and_port(self.coordinator());
        format!("host={host} port={port}")
    }

    /// Creates a database on all nodes.
    pub fn create(&self, name: &str) -> Arc<DistributedDatabase> {
        for node in self.nodes() {
            admin(node).run(&format!("CREATE DATABASE {name} OWNER owner"));
            Sql::connect(&format!("postgres://admin@{node}/{name}")).run("CREATE EXTENSION citus");
        }
        let mut sql = Sql::connect(&self.url("admin", name));
        sql.run(&format!("ALTER DATABASE {name} SET citus.shard_count = {SHARDS}"));
        let add = |node: &str, function: &str| {
            let (host, port) = host_and_port(node);
            format!("SELECT {function}('{host}', {port})")
        };
        sql.run(&add(self.coordinator(), "citus_set_coordinator_host"));
        self.workers.iter().for_each(|worker| sql.run(&add(worker, "citus_add_node")));
        self.created(name)
    }

    /// Copies a database on each node. The copies refer to each other, because nodes connect by the name of the database that
    /// they are in.
    pub fn copy(&self, template: &str, name: &str) -> Arc<DistributedDatabase> {
        for node in self.nodes() {
            let mut sql = admin(node);
            // Citus' own connections; new ones are opened when a client connects.
            let own = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
            );
            sql.run(&own);
            sql.run(&format!("CREATE DATABASE {name} OWNER owner TEMPLATE {template}"));
        }
        let mut sql = admin(self.coordinator());
        let settings = "SELECT unnest(setconfig) AS setting FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase";
        for row in sql.rows(&format!("{settings} WHERE datname = '{template}'")) {
            let setting = row["setting"].as_str().expect("a setting");
            // Citus sends it to the workers.
            sql.run(&format!("ALTER DATABASE {name} SET {setting}"));
        }
        self.created(name)
    }

    fn created(&self, name: &str) -> Arc<DistributedDatabase> {
        Arc::new(DistributedDatabase { cluster: self.clone(), name: name.to_owned() })
    }

    /// Fails while Citus opens a connection to it again, which ends when a node has none.
    fn drop_database(&self, name: &str) {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        for node in self.nodes() {
            (0..5).any(|_| admin(node).try_run(&statement));
        }
    }

    fn coordinator(&self) -> &str {
        self.place.split_once('/').map_or(&self.place, |(node, _)| node)
    }

    fn nodes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.coordinator()).chain(self.workers.iter().map(String::as_str))
    }
}

/// A connection as a superuser to a node.
fn admin(node: &str) -> Sql {
    Sql::connect(&format!("postgres://admin@{node}/postgres"))
}

fn host_and_port(node: &str) -> (&str, &str) {
    node.split_once(':').expect("host:port")
}
