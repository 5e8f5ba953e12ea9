//! The demo's api-key, stored in a file so that the next run prints the same one.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::actions::keys::{self, NewKey};
use crate::auth::Authenticator;
use crate::caller::{Caller, Capability, Identity};
use crate::cli::Failure;
use crate::config::Secret;
use crate::ids::OrgId;
use crate::store::Store;

const FILE: &str = "demo.key";

/// The key of the previous run when it is still accepted, otherwise a new one, with the caller that it stands for.
pub(super) async fn find_or_create(
    store: &Store,
    org: OrgId,
    data_dir: &Path,
) -> Result<(Secret, Arc<Caller>), Failure> {
    let file = data_dir.join(FILE);
    if let Ok(token) = fs::read_to_string(&file) {
        let token = Secret::new(token.trim());
        if let Some(caller) = caller_of(store, org, &token).await {
            return Ok((token, caller));
        }
    }
    let capabilities =
        [Capability::Read, Capability::Send, Capability::Ingest, Capability::Manage].into_iter().collect();
    let new = NewKey { id: None, name: "demo".to_owned(), capabilities, expires_at: None, sessions: None };
    let created = keys::create(store, org, new).await?;
    write(&file, &created.token)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?;
    let caller = caller_of(store, org, &created.token).await;
    let caller = caller.ok_or_else(|| Failure::new("the new API key is not accepted"))?;
    Ok((created.token, caller))
}

/// The caller of a key of the organization; `None` when the key is not accepted.
async fn caller_of(store: &Store, org: OrgId, token: &Secret) -> Option<Arc<Caller>> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    match Authenticator::new(store, None).identify(&headers).await {
        Identity::Known(caller) => Some(caller).filter(|caller| caller.org == org),
        Identity::Anonymous | Identity::Refused | Identity::Unverified => None,
    }
}

/// Writes a new file: an existing one would keep its permissions.
fn write(file: &Path, token: &Secret) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{}", token.expose())
}
