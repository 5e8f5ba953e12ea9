//! `switchboard migrate`: the database schema.

use clap::{Args, Subcommand};
use serde_json::json;

use super::arguments::JsonArgument;
use super::checks;
use super::context::Database;
use super::failure::Failure;
use super::note::note;
use super::output::{self, Row};
use crate::config::{Config, Secret};
use crate::error::Error;
use crate::store::migrations::{self, Migration};
use crate::store::{distribution, preflight, roles};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Apply every pending migration and print its name
    Up(UpArguments),
    /// List all migrations, oldest first: name, then `applied` or `pending`
    Status(JsonArgument),
    /// Revert the newest applied migration, drop the data of its tables, and print its name
    Revert,
}

#[derive(Args)]
pub(super) struct UpArguments {
    /// Role of the service, which may read and write rows but does not own the tables: created unless it exists [default: the
    /// service runs as the role that migrates]
    #[arg(long, value_name = "ROLE")]
    service_role: Option<String>,
    /// Distribute the tables by organization over the nodes of a Citus cluster, and print their names: docs/scaling.md
    #[arg(long)]
    distribute: bool,
}

fn row(Migration { name, applied }: Migration) -> Row {
    let json = json!({"name": name, "applied": applied});
    Row { columns: vec![name, if applied { "applied" } else { "pending" }.to_owned()], json }
}

pub(super) async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let database = Database::open(config).await?;
    let outcome = run_on(command, &database, &database.direct_url(config)).await;
    database.close().await;
    outcome
}

async fn run_on(command: Command, database: &Database, url: &Secret) -> Result<(), Failure> {
    let failure = |error: Error| database.failure(error);
    match command {
        Command::Up(UpArguments { service_role, distribute }) => {
            check_is_direct(url).await?;
            let mut changed = migrations::up(url).await.map_err(failure)?;
            if changed.is_empty() {
                note("the schema is up to date");
            }
            if distribute {
                changed.extend(distribution::distribute(url).await.map_err(failure)?);
            }
            if let Some(role) = service_role {
                roles::grant(url, role).await.map_err(failure)?;
            }
            changed.iter().try_for_each(output::value)
        }
        Command::Status(arguments) => {
            let migrations = migrations::status(url).await.map_err(failure)?;
            output::list(migrations.into_iter().map(row), arguments.json)
        }
        Command::Revert => {
            check_is_direct(url).await?;
            match migrations::revert(url).await.map_err(failure)? {
                Some(reverted) => output::value(reverted),
                None => {
                    note("no migration is applied");
                    Ok(())
                }
            }
        }
    }
}

/// Behind a connection pooler, the lock that keeps migrations apart does not hold.
async fn check_is_direct(url: &Secret) -> Result<(), Failure> {
    match preflight::is_direct(url).await {
        Ok(is_direct) => checks::refuse(&[checks::of_pooler(is_direct)]),
        // The migration reports it.
        Err(_) => Ok(()),
    }
}
