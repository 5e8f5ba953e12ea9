//! What a command works with: the store, and what keeps its database there.

use std::path::PathBuf;

use crate::config::Secret;
use crate::error::{Error, Kind};
use crate::postgres::Embedded;
use crate::store::{PoolOptions, Store, migrations, readiness};

use super::Failure;
use crate::config::Config;

/// A database whose schema is up to date.
pub struct Context {
    /// The store on it.
    pub store: Store,
    /// Where it is.
    pub database_url: Secret,
    /// Where this installation keeps its own files.
    pub data_dir: PathBuf,
    embedded: Option<Embedded>,
}

impl Context {
    /// Opens the database the settings name, or the private one, which is started and migrated if need be.
    pub(super) async fn open(settings: &Config) -> Result<Self, Failure> {
        let database = Database::open(settings).await?;
        if let Err(error) = database.prepare_schema().await {
            let failure = database.failure(error);
            database.close().await;
            return Err(failure);
        }
        let store = Store::new(&database.url, PoolOptions::background(settings.database_pool_size));
        Ok(Self {
            store,
            database_url: database.url,
            data_dir: settings.data_dir.clone(),
            embedded: database.embedded,
        })
    }

    /// Gives the private database up, and waits until it has stopped unless others use it.
    pub(super) async fn close(self) {
        // Its connections go first: the server then has nobody to disconnect.
        drop(self.store);
        if let Some(embedded) = self.embedded {
            embedded.release().await;
        }
    }
}

/// A database, whatever its schema.
pub(super) struct Database {
    pub(super) url: Secret,
    pub(super) embedded: Option<Embedded>,
}

impl Database {
    pub(super) async fn open(settings: &Config) -> Result<Self, Failure> {
        if let Some(url) = &settings.database_url {
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let embedded = Embedded::start(&settings.data_dir, own_program()?).await?;
        Ok(Self { url: embedded.url().clone(), embedded: Some(embedded) })
    }

    /// Sees to it that the schema is there. A database we were given is looked at only: whoever gave it decides when
    /// it changes.
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

    /// The failure, without the database's address: libpq quotes what it cannot read.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match Failure::from(error) {
            Failure::Failed(reason) => Failure::Failed(reason.replace(self.url.expose(), "****")),
            failure @ (Failure::Usage(_) | Failure::CutShort | Failure::Configuration(_)) => failure,
        }
    }
}

/// This program. The link is good even when its file was replaced since.
fn own_program() -> Result<PathBuf, Failure> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Ok(link) } else { Ok(std::env::current_exe()?) }
}
