//! Secrets from files, which are reloaded: a password or a key is rotated without a restart.

use super::role;
use crate::cli::context::Database;
use crate::cli::failure::Failure;
use crate::config::{Config, EffectiveSettings, Secret, Secrets};
use crate::cursor::{SigningKey, SigningKeys};
use crate::reloading::{Contents, Reloading};

/// The secrets of the service: those whose setting names a file are reloaded.
pub(super) fn load(
    effective: &EffectiveSettings,
    config: &Config,
    database: &Database,
    signing_key: SigningKey,
) -> Result<Secrets, Failure> {
    let is_pooled = config.database_direct_url.is_some();
    let url = reloading(effective, "database URL", &["database-url"], |config| config.database_url)?;
    let database_url = Reloading::from(&database.url);
    tokio::spawn(use_when_role_is_safe(url, database_url.clone(), is_pooled));
    let database_direct_url = match is_pooled {
        true => Reloading::from(&database.direct_url(config)),
        false => database_url.clone(),
    };
    if is_pooled {
        let names = &["database-direct-url"];
        let url = reloading(effective, "direct database URL", names, |config| config.database_direct_url)?;
        tokio::spawn(use_when_role_is_safe(url, database_direct_url.clone(), false));
    }
    let keys =
        reloading(effective, "signing keys", &["signing-key", "previous-signing-key"], move |config| {
            let current = config.signing_key.unwrap_or_else(|| signing_key.clone());
            [Some(current), config.previous_signing_key].into_iter().flatten().collect()
        })?;
    Ok(Secrets { database_url, database_direct_url, signing_keys: SigningKeys::reloading(keys) })
}

/// A value of these settings, which is reloaded when a file of theirs changes.
fn reloading<T: Send + Sync + 'static>(
    effective: &EffectiveSettings,
    what: &'static str,
    names: &'static [&'static str],
    value: impl Fn(Config) -> T + Send + Sync + 'static,
) -> Result<Reloading<T>, Failure> {
    let effective = effective.clone();
    let files = effective.files(names);
    let load = move |contents: Contents| contents.and_then(|_| effective.reread(names).map(&value));
    Reloading::load(what, files, load).map_err(Failure::Failed)
}

/// Activates each reloaded URL, unless its role must not be used.
async fn use_when_role_is_safe(
    loaded: Reloading<Option<Secret>>,
    active: Reloading<Secret>,
    is_pooled: bool,
) {
    let mut changes = loaded.subscribe();
    while changes.changed().await.is_ok() {
        let Some(url) = Option::clone(&changes.borrow_and_update()) else { continue };
        match role::is_checked(&url, is_pooled).await {
            Ok(_) if url == *active.get() => {}
            Ok(_) => active.set(url),
            Err(failure) => {
                tracing::warn!(error = %failure, "the reloaded database URL is ignored; the previous one stays active");
            }
        }
    }
}
