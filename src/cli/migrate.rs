//! `switchboard migrate`: the schema.

use clap::Subcommand;
use serde::Serialize;

use super::Failure;
use super::context::Database;
use super::output::{self, Row};
use crate::config::Config;
use crate::error::Error;
use crate::store::migrations::{self, Migration};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Apply every pending migration and print its name
    Up,
    /// List all migrations, oldest first: name, then `applied` or `pending`
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take the newest applied migration back, with everything stored in its tables, and print its name
    Revert,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    applied: bool,
}

impl From<Migration> for Shown {
    fn from(Migration { name, applied }: Migration) -> Self {
        Self { name, applied }
    }
}

impl Row for Shown {
    fn columns(&self) -> Vec<String> {
        vec![self.name.clone(), if self.applied { "applied" } else { "pending" }.to_owned()]
    }
}

pub(super) async fn run(command: Command, settings: &Config) -> Result<(), Failure> {
    let database = Database::open(settings).await?;
    let outcome = answer(command, &database).await;
    database.close().await;
    outcome
}

async fn answer(command: Command, database: &Database) -> Result<(), Failure> {
    let told = |error: Error| database.failure(error);
    match command {
        Command::Up => {
            let applied = migrations::up(&database.url).await.map_err(told)?;
            if applied.is_empty() {
                eprintln!("nothing to do: the schema is up to date");
            }
            applied.iter().try_for_each(output::value)
        }
        Command::Status { json } => {
            let migrations = migrations::status(&database.url).await.map_err(told)?;
            let shown: Vec<_> = migrations.into_iter().map(Shown::from).collect();
            output::list(&shown, json)
        }
        Command::Revert => match migrations::revert(&database.url).await.map_err(told)? {
            Some(reverted) => output::value(reverted),
            None => {
                eprintln!("nothing to do: no migration is applied");
                Ok(())
            }
        },
    }
}
