//! Secrets that come from files, read again when these change: a password can be exchanged without a restart.

use std::time::Duration;

use crate::cli::Failure;
use crate::cli::settings::{Effective, Settings};
use crate::config::Config;
use crate::cursor::SigningKeys;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// Gives those who use the secrets what the files say, for as long as it is not dropped. What is no good changes nothing.
pub(super) async fn follow(mut seen: Effective, config: Config) {
    loop {
        tokio::time::sleep(POLL).await;
        let before = seen.clone();
        let Ok(Some(found)) = tokio::task::spawn_blocking(move || before.read_again()).await else {
            continue;
        };
        match take_up(&found, &config).await {
            Ok(()) => tracing::info!("the secrets are used as their files are now"),
            Err(failure) => {
                let error = failure.to_string();
                tracing::warn!(error, "the files of secrets are no good: using what they were before");
            }
        }
        seen = found;
    }
}

async fn take_up(found: &Effective, config: &Config) -> Result<(), Failure> {
    let settings = Settings::new(found)?;
    let database_url = settings.database_url.as_ref().filter(|url| **url != *config.database_url.get());
    if let Some(url) = database_url {
        super::unknown_role(url).await?;
        config.database_url.set(url.clone());
    }
    if let Some(key) = &settings.signing_key {
        config.signing_keys.replace(&SigningKeys::new(key.clone(), settings.previous_signing_key.clone()));
    }
    Ok(())
}
