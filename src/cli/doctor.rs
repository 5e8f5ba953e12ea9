//! `switchboard doctor`: what is wrong with how the service is set up, and what mends it.

use clap::Args;

use super::checks::{self, Finding};
use super::context::Database;
use super::settings::{Effective, ServeFlags, Settings};
use super::{Failure, output};
use crate::store::preflight;

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) flags: ServeFlags,
}

/// Prints a line for each check: its name, `ok`, `warning`, `failed` or `refused`, and what is the matter.
pub(super) async fn run(
    arguments: &Arguments,
    effective: &Effective,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut findings = checks::of_settings(settings, effective);
    findings.extend(of_database(settings).await);
    findings.extend(checks::of_login_keys(settings).await);
    output::list(&findings, arguments.json)?;
    match findings.iter().filter(|finding| !finding.is_passed()).count() {
        0 => Ok(()),
        1 => Err(Failure::new("one check failed")),
        some => Err(Failure::new(format!("{some} checks failed"))),
    }
}

async fn of_database(settings: &Settings) -> Vec<Finding> {
    let database = match Database::open(settings).await {
        Ok(database) => database,
        Err(failure) => return vec![checks::without_database(&failure)],
    };
    let findings = match preflight::check(&database.url).await {
        Ok(preflight) => checks::of_database(settings, database.embedded.is_some(), &preflight),
        Err(error) => vec![checks::without_database(&database.failure(error))],
    };
    database.close().await;
    findings
}
