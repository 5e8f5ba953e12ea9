//! The database and store of a command.

use std::path::PathBuf;

use embedded_postgres::{Embedded, SupervisedBy};

use crate::config::{Config, Secret};
use crate::error::{Error, Kind};
use crate::store::{PoolOptions, Store, migrations, readiness};

use super::failure::Failure;

/// The role that owns the embedded database, and the name of that.
const EMBEDDED_OWNER: &str = "switchboard";

/// A database whose schema is up to date.
pub struct Context {
    /// The store of that database.
    pub store: Store,
    /// The directory of this installation's own files.
    pub data_dir: PathBuf,
    /// Whether audit logs keep the text of deleted messages.
    pub keep_deleted_text: bool,
    database: Database,
}

impl Context {
    /// Opens the configured database, or else the embedded one, which is started and migrated if necessary.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let database = Database::open(config).await?;
        if let Err(error) = database.prepare_schema().await {
            let failure = database.failure(error);
            database.close().await;
            return Err(failure);
        }
        let is_pooled = config.database_direct_url.is_some();
        let options = PoolOptions { is_pooled, ..PoolOptions::background(config.database_pool_size) };
        let store = Store::new(&database.url, options);
        let (data_dir, keep_deleted_text) = (config.data_dir.clone(), config.keep_deleted_text);
        Ok(Self { store, data_dir, keep_deleted_text, database })
    }

    /// Updates the statistics of the tables, after a command wrote many rows.
    pub(super) async fn analyze(&self) -> Result<(), Failure> {
        Ok(migrations::analyze(&self.database.url).await?)
    }

    /// Closes the connections, and waits until the embedded PostgreSQL has stopped unless other commands use it.
    pub(super) async fn close(self) {
        // The server stops faster without connections.
        drop(self.store);
        self.database.close().await;
    }
}

/// A database with any schema.
pub(super) struct Database {
    pub(super) url: Secret,
    pub(super) embedded: Option<Embedded>,
}

impl Database {
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        // Only the embedded server needs the path of this program, which a container without /proc does not have.
        Self::open_with(config, || Ok(SupervisedBy::OwnProcess(own_program()?))).await
    }

    /// For `serve`, whose own process supervises an embedded server.
    pub(super) async fn open_to_serve(config: &Config) -> Result<Self, Failure> {
        Self::open_with(config, || Ok(SupervisedBy::ThisProcess)).await
    }

    async fn open_with(
        config: &Config,
        supervised_by: impl FnOnce() -> std::io::Result<SupervisedBy>,
    ) -> Result<Self, Failure> {
        if let Some(url) = &config.database_url {
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let started = Embedded::start(&config.data_dir, EMBEDDED_OWNER, supervised_by()?).await;
        let embedded = started.map_err(|error| {
            let settings = "--data-dir sets its directory, --database-url another server";
            Failure::Failed(format!("{error} (the embedded PostgreSQL: {settings})"))
        })?;
        Ok(Self { url: Secret::new(embedded.url()), embedded: Some(embedded) })
    }

    /// The database without the connection pooler that its URL may lead to.
    pub(super) fn direct_url(&self, config: &Config) -> Secret {
        config.database_direct_url.as_ref().unwrap_or(&self.url).clone()
    }

    /// Migrates the embedded database if necessary. A configured database is only checked: its operator decides when to
    /// migrate.
    pub(super) async fn prepare_schema(&self) -> Result<(), Error> {
        match readiness::require_current(&self.url).await {
            Err(error) if error.kind() == Kind::FailedPrecondition && self.embedded.is_some() => {
                migrations::up(&self.url).await.map(drop)
            }
            outcome => outcome,
        }
    }

    pub(super) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.release().await;
        }
    }

    /// The failure without the database URL, which libpq quotes when it cannot parse it.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match Failure::from(error) {
            Failure::Failed(reason) => Failure::Failed(reason.replace(self.url.expose(), "****")),
            failure @ (Failure::Usage(_) | Failure::Truncated | Failure::Configuration(_)) => failure,
        }
    }
}

/// The path of this program, which also works after its file was replaced.
fn own_program() -> std::io::Result<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Ok(link) } else { std::env::current_exe() }
}
