//! Checks of secret files and the TLS certificate.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::finding::{Finding, Verdict};
use crate::config::{EffectiveSetting, EffectiveSettings, TlsConfig};
use crate::instant::Instant;
use crate::server::tls;

/// Read permission for users outside the file's group.
const OTHERS_READ: u32 = 0o004;

/// Remaining validity that is a warning, in seconds: automatic renewal happens earlier.
const SOON: i64 = 7 * 24 * 60 * 60;

/// Permissions of the files that secrets are read from.
pub(super) fn of_secrets(effective: &EffectiveSettings) -> Vec<Finding> {
    const CHECK: &str = "secret file";
    effective
        .iter()
        .filter_map(EffectiveSetting::file)
        .map(|path| match others_read(Path::new(path)) {
            true => Finding::bad(CHECK, Verdict::Warning, others(path), format!("chmod o-r {path}")),
            false => Finding::ok(CHECK, format!("only its owner and group can read {path}")),
        })
        .collect()
}

/// The server's certificate, and the permissions of its key.
pub(super) fn of_certificate(config: &TlsConfig) -> [Finding; 2] {
    const CHECK: &str = "TLS key";
    let key = config.key.display();
    let permission = match others_read(&config.key) {
        true => Finding::bad(CHECK, Verdict::Refused, others(&key), format!("chmod o-r {key}")),
        false => Finding::ok(CHECK, format!("only its owner and group can read {key}")),
    };
    [permission, certificate(config)]
}

fn certificate(config: &TlsConfig) -> Finding {
    const CHECK: &str = "certificate";
    const RENEW: &str = "replace the certificate and its key; the files are reloaded when they change";
    let not_after = match tls::inspect(config) {
        Ok(not_after) => not_after.map(|at| i64::try_from(at.as_secs()).unwrap_or(i64::MAX)),
        Err(error) => {
            let remedy = "set --tls-cert, --tls-key and --tls-client-ca to matching PEM files";
            return Finding::bad(CHECK, Verdict::Refused, error, remedy);
        }
    };
    let now = Instant::now().micros() / 1_000_000;
    match not_after.map(|at| at - now) {
        None => {
            let detail = "its expiry cannot be parsed";
            Finding::bad(CHECK, Verdict::Warning, detail, "see `openssl x509 -noout -enddate`")
        }
        Some(left) if left <= 0 => Finding::bad(CHECK, Verdict::Failed, "it has expired", RENEW),
        Some(left) if left < SOON => {
            Finding::bad(CHECK, Verdict::Warning, format!("it expires in {}", days(left)), RENEW)
        }
        Some(left) => Finding::ok(CHECK, format!("expires in {}", days(left))),
    }
}

fn days(seconds: i64) -> String {
    match seconds / (24 * 60 * 60) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn others(path: impl std::fmt::Display) -> String {
    format!("every user of this machine can read {path}")
}

/// A missing file is reported when it is read.
fn others_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & OTHERS_READ != 0)
}
