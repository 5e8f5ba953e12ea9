//! What a command works with: the store, and what keeps its database there.

use std::path::PathBuf;

use crate::config::Secret;
use crate::error::Error;
use crate::postgres::Embedded;
use crate::store::{Store, migrations};

use super::Failure;
use super::settings::Settings;

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
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let database = Database::open(settings).await?;
        let is_behind = match migrations::status(&database.url).await {
            Ok(migrations) => migrations.iter().any(|migration| !migration.applied),
            Err(error) => return Err(database.failure(error)),
        };
        if is_behind && database.embedded.is_none() {
            return Err(Failure::new(
                "the database's schema is missing or behind this program: run `switchboard migrate up`",
            ));
        }
        if is_behind {
            migrations::up(&database.url).await.map_err(|error| database.failure(error))?;
        }
        let store = Store::new(database.url.expose(), settings.database_connections);
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
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        if let Some(url) = &settings.database_url {
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let embedded = Embedded::start(&settings.data_dir, own_program()?).await?;
        Ok(Self { url: embedded.url().clone(), embedded: Some(embedded) })
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
            failure @ Failure::Configuration(_) => failure,
        }
    }
}

/// This program. The link is good even when its file was replaced since.
fn own_program() -> Result<PathBuf, Failure> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Ok(link) } else { Ok(std::env::current_exe()?) }
}
