//! Checks of the settings, files and database: `doctor` prints all findings, `serve` refuses to start with unsafe ones.

mod database;
mod files;
mod finding;

pub(super) use database::{of_database, of_pooler, of_role};
pub(super) use finding::Finding;

use self::finding::Verdict;
use super::failure::Failure;
use crate::auth;
use crate::config::{Config, EffectiveSettings};

/// Checks the settings and the files that they name.
pub(super) fn of_settings(config: &Config, effective: &EffectiveSettings) -> Vec<Finding> {
    let mut findings = vec![signing_key(config), listener(config)];
    findings.extend(files::of_secrets(effective));
    findings.extend(config.tls.iter().flat_map(files::of_certificate));
    findings
}

/// Fetches the JWKS once; `None` where none is configured.
pub(super) async fn of_login_keys(config: &Config) -> Option<Finding> {
    const CHECK: &str = "login keys";
    let location = &config.jwt.as_ref()?.jwks_url;
    Some(match auth::count_login_keys(location).await {
        Ok(_) if location.starts_with("http://") => Finding::bad(
            CHECK,
            Verdict::Warning,
            "the JWKS is fetched without TLS: an attacker who changes the response can sign tokens",
            "use an https URL for --jwks-url",
        ),
        Ok(count) => Finding::ok(CHECK, format!("{count} in {location}")),
        Err(error) => Finding::bad(
            CHECK,
            Verdict::Failed,
            error,
            "make sure that --jwks-url is reachable from this machine and returns a JSON Web Key Set",
        ),
    })
}

/// The finding when the database cannot be reached.
pub(super) fn without_database(failure: &Failure) -> Finding {
    let remedy =
        "make sure that the server runs and accepts connections from this machine; see `switchboard config`";
    Finding::bad("database", Verdict::Failed, failure.to_string(), remedy)
}

/// Fails with all findings that `serve` must not start with.
pub(super) fn refuse(findings: &[Finding]) -> Result<(), Failure> {
    let refused = findings.iter().filter(|finding| finding.verdict == Verdict::Refused);
    let mistakes: Vec<_> = refused.map(Finding::text).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Configuration(mistakes)) }
}

/// Instances on one database must share a key: each rejects cursors that another key signed.
fn signing_key(config: &Config) -> Finding {
    const CHECK: &str = "signing key";
    match (&config.database_url, &config.signing_key) {
        (Some(_), None) => Finding::bad(
            CHECK,
            Verdict::Refused,
            "--database-url needs --signing-key (or SWITCHBOARD_SIGNING_KEY, SWITCHBOARD_SIGNING_KEY_FILE), the same for \
             all instances",
            "generate one with `openssl rand -base64 32`",
        ),
        (_, Some(_)) => Finding::ok(CHECK, "is set"),
        (None, None) => Finding::ok(CHECK, "is stored in the data directory"),
    }
}

fn listener(config: &Config) -> Finding {
    const CHECK: &str = "listener";
    let host = config.listen.rsplit_once(':').map_or("", |(host, _)| host);
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if config.tls.is_none() && !is_loopback {
        let detail = format!("{} is served without TLS: tokens are sent in clear text", config.listen);
        let remedy = "set --tls-cert and --tls-key, unless a proxy terminates TLS";
        return Finding::bad(CHECK, Verdict::Warning, detail, remedy);
    }
    Finding::ok(CHECK, format!("{}://{}", config.scheme(), config.listen))
}
