//! Secrets from files, which are reloaded: a password or a key is rotated without a restart.

use std::fmt::Display;
use std::path::PathBuf;

use super::role;
use crate::cli::failure::Failure;
use crate::config::{Config, EffectiveSettings, Origin, Secret, Secrets, parse_database_url};
use crate::cursor::{SigningKey, SigningKeys};
use crate::reloading::{Contents, Reloading};

/// The secrets of the service: those whose setting names a file are reloaded.
pub(super) fn load(
    effective: &EffectiveSettings,
    config: &Config,
    database_url: &Secret,
    signing_key: SigningKey,
) -> Result<Secrets, Failure> {
    let keys =
        [("signing-key", Some(signing_key)), ("previous-signing-key", config.previous_signing_key.clone())];
    Ok(Secrets {
        database_url: load_database_url(effective, database_url).map_err(Failure::Failed)?,
        signing_keys: load_signing_keys(effective, keys).map_err(Failure::Failed)?,
    })
}

fn load_database_url(
    effective: &EffectiveSettings,
    database_url: &Secret,
) -> Result<Reloading<Secret>, String> {
    let active = Reloading::from(database_url);
    if let Some((label, file)) = file_of(effective, "database-url") {
        let parse = move |contents: Contents| parsed(&label, contents?.first(), parse_database_url);
        let loaded = Reloading::load("database URL", vec![file], parse)?;
        tokio::spawn(use_when_role_is_safe(loaded, active.clone()));
    }
    Ok(active)
}

/// Activates each reloaded URL, unless its role must not be used.
async fn use_when_role_is_safe(loaded: Reloading<Secret>, active: Reloading<Secret>) {
    let mut changes = loaded.subscribe();
    while changes.changed().await.is_ok() {
        let url = changes.borrow_and_update().clone();
        match role::is_checked(&url).await {
            Ok(_) if url == active.get() => {}
            Ok(_) => active.set(Secret::clone(&url)),
            Err(failure) => {
                tracing::warn!(error = %failure, "the reloaded database URL is ignored; the previous one stays active");
            }
        }
    }
}

fn load_signing_keys(
    effective: &EffectiveSettings,
    keys: [(&str, Option<SigningKey>); 2],
) -> Result<SigningKeys, String> {
    enum Source {
        Fixed(Box<SigningKey>),
        File(String),
    }
    let (mut sources, mut files) = (Vec::new(), Vec::new());
    for (name, fixed) in keys {
        match file_of(effective, name) {
            Some((label, file)) => {
                files.push(file);
                sources.push(Source::File(label));
            }
            None => sources.extend(fixed.map(Box::new).map(Source::Fixed)),
        }
    }
    let parse = move |contents: Contents| {
        let contents = contents?;
        let mut contents = contents.iter();
        let parse = |source: &Source| match source {
            Source::Fixed(key) => Ok(SigningKey::clone(key)),
            Source::File(label) => parsed(label, contents.next(), str::parse),
        };
        sources.iter().map(parse).collect()
    };
    Ok(SigningKeys::reloading(Reloading::load("signing keys", files, parse)?))
}

/// The file of a secret, and what errors call it.
fn file_of(effective: &EffectiveSettings, name: &str) -> Option<(String, PathBuf)> {
    let setting = effective.get(name)?;
    match &setting.origin {
        Origin::File(path) => Some((setting.name_at_origin(), path.into())),
        Origin::Flag | Origin::Environment | Origin::Default => None,
    }
}

fn parsed<T, E: Display>(
    label: &str,
    content: Option<&Vec<u8>>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, String> {
    let text = content.and_then(|content| std::str::from_utf8(content).ok());
    let text = text.ok_or_else(|| format!("{label} must be UTF-8"))?;
    parse(text.trim_end()).map_err(|expected| format!("{label} {expected}"))
}
