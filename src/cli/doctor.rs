//! `switchboard doctor`: checks the settings, files and database of the service, and prints how to fix each problem.

use super::arguments::JsonArgument;
use super::checks::{self, Finding};
use super::context::Database;
use super::failure::Failure;
use super::output;
use crate::config::{Config, EffectiveSettings};
use crate::store::preflight;

/// Prints a line for each check: its name, its verdict (`ok`, `warning`, `failed` or `refused`), and details.
pub(super) async fn run(
    arguments: &JsonArgument,
    effective: &EffectiveSettings,
    config: &Config,
) -> Result<(), Failure> {
    let mut findings = checks::of_settings(config, effective);
    findings.extend(of_database(config).await);
    findings.extend(checks::of_login_keys(config).await);
    output::list(findings.iter().map(Finding::row), arguments.json)?;
    match findings.iter().filter(|finding| !finding.is_passed()).count() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{} failed", output::counted(failed as u64, "check")))),
    }
}

async fn of_database(config: &Config) -> Vec<Finding> {
    let database = match Database::open(config).await {
        Ok(database) => database,
        Err(failure) => return vec![checks::without_database(&failure)],
    };
    let findings = match preflight::check(&database.url).await {
        Ok(preflight) => {
            let mut findings = checks::of_database(config, database.embedded.is_some(), &preflight);
            findings.extend(preflight::is_direct(&database.direct_url(config)).await.map(checks::of_pooler));
            findings
        }
        Err(error) => vec![checks::without_database(&database.failure(error))],
    };
    database.close().await;
    findings
}
