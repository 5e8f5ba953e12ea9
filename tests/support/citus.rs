//! A Citus cluster in place of the tests' own PostgreSQL: see `make citus`.

use std::env;

use super::sql::Sql;

/// The cluster that `CITUS_DATABASE_URL` names: its superuser `admin`, its coordinator, and a database with the workers. Its
/// servers trust connections of the roles that the tests create.
#[derive(Clone)]
pub struct Citus {
    /// Host, port and database of the coordinator.
    place: String,
    /// Hosts and ports of the workers.
    workers: Vec<String>,
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
            let mut sql = Sql::connect(&format!("postgres://admin@{node}/postgres"));
            for row in sql.rows("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'") {
                sql.run(&format!("DROP DATABASE {} WITH (FORCE)", row["datname"].as_str().expect("a name")));
            }
        }
        Some(cluster)
    }

    /// libpq URL of a role and a database on the coordinator.
    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@{}/{database}", self.coordinator())
    }

    /// Creates a database on all nodes.
    pub fn create(&self, name: &str) {
        for node in self.nodes() {
            Sql::connect(&format!("postgres://admin@{node}/postgres"))
                .run(&format!("CREATE DATABASE {name} OWNER owner"));
            Sql::connect(&format!("postgres://admin@{node}/{name}")).run("CREATE EXTENSION citus");
        }
        let mut sql = Sql::connect(&self.url("admin", name));
        sql.run(&format!("ALTER DATABASE {name} SET citus.shard_count = {SHARDS}"));
        let add = |node: &str, function: &str| {
            let (host, port) = node.split_once(':').expect("host:port");
            format!("SELECT {function}('{host}', {port})")
        };
        sql.run(&add(self.coordinator(), "citus_set_coordinator_host"));
        self.workers.iter().for_each(|worker| sql.run(&add(worker, "citus_add_node")));
    }

    fn coordinator(&self) -> &str {
        self.place.split_once('/').map_or(&self.place, |(node, _)| node)
    }

    fn nodes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.coordinator()).chain(self.workers.iter().map(String::as_str))
    }
}
