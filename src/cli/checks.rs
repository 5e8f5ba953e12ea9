//! What can be wrong with how the service is set up and with what it needs. `serve` does not start with the worst of it;
//! `doctor` tells all of it.

mod database;
mod files;

pub(super) use database::{of_database, of_role};

use serde::Serialize;

use super::Failure;
use super::output::Row;
use crate::auth;
use crate::config::{Config, EffectiveSettings};

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    check: &'static str,
    verdict: Verdict,
    /// How it is.
    detail: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and could be better.
    Warning,
    /// It does not work.
    Failed,
    /// It would work, and must not: `serve` does not start.
    Refused,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, detail: detail.into(), remedy: None }
    }

    fn bad(
        check: &'static str,
        verdict: Verdict,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, verdict, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    /// Whether the service can do its work in spite of it.
    pub(super) fn is_passed(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Warning)
    }
}

impl Row for Finding {
    fn columns(&self) -> Vec<String> {
        let detail = match &self.remedy {
            Some(remedy) => format!("{}: {remedy}", self.detail),
            None => self.detail.clone(),
        };
        vec![self.check.to_owned(), self.verdict.name().to_owned(), detail]
    }
}

/// All that the settings themselves and the files they name tell.
pub(super) fn of_settings(settings: &Config, effective: &EffectiveSettings) -> Vec<Finding> {
    let mut findings = vec![signing_key(settings), listener(settings)];
    findings.extend(files::of_secrets(effective));
    findings.extend(settings.tls.iter().flat_map(files::of_certificate));
    findings
}

/// Fetches the keys of login tokens once, if there are to be any.
pub(super) async fn of_login_keys(settings: &Config) -> Option<Finding> {
    const CHECK: &str = "login keys";
    let location = &settings.jwt.as_ref()?.jwks_url;
    Some(match auth::count_login_keys(location).await {
        Ok(_) if location.starts_with("http://") => Finding::bad(
            CHECK,
            Verdict::Warning,
            "they are fetched without TLS, so whoever is in between can sign tokens",
            "give --jwks-url as https://",
        ),
        Ok(count) => Finding::ok(CHECK, format!("{count} in {location}")),
        Err(error) => Finding::bad(
            CHECK,
            Verdict::Failed,
            error,
            "see to it that --jwks-url can be reached from here and is a JSON web key set",
        ),
    })
}

/// There is nobody to ask.
pub(super) fn without_database(failure: &Failure) -> Finding {
    let remedy =
        "see to it that the server runs and takes connections from here, and see `switchboard config`";
    Finding::bad("database", Verdict::Failed, failure.to_string(), remedy)
}

/// Refuses what `serve` must not start with: all of it at once.
pub(super) fn refuse(findings: &[Finding]) -> Result<(), Failure> {
    let refused = findings.iter().filter(|finding| finding.verdict == Verdict::Refused);
    let mistakes: Vec<_> = refused.filter_map(|finding| finding.columns().pop()).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Configuration(mistakes)) }
}

/// Instances that share a database but no key would turn each other's cursors away.
fn signing_key(settings: &Config) -> Finding {
    const CHECK: &str = "cursor key";
    match (&settings.database_url, &settings.signing_key) {
        (Some(_), None) => Finding::bad(
            CHECK,
            Verdict::Refused,
            "--database-url needs --signing-key (or SWITCHBOARD_SIGNING_KEY, SWITCHBOARD_SIGNING_KEY_FILE), the same for \
             all instances",
            "make one with `openssl rand -base64 32`",
        ),
        (_, Some(_)) => Finding::ok(CHECK, "is set"),
        (None, None) => Finding::ok(CHECK, "is kept in the data directory"),
    }
}

fn listener(settings: &Config) -> Finding {
    const CHECK: &str = "listener";
    let host = settings.listen.rsplit_once(':').map_or("", |(host, _)| host);
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if settings.tls.is_none() && !is_loopback {
        let detail = format!("{} is served without TLS, so tokens are in the clear", settings.listen);
        let remedy = "give --tls-cert and --tls-key, unless a proxy before it speaks TLS";
        return Finding::bad(CHECK, Verdict::Warning, detail, remedy);
    }
    Finding::ok(CHECK, format!("{}://{}", settings.scheme(), settings.listen))
}
