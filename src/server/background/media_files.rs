//! Expires media files, and deletes objects that no message has, at fixed intervals.

use std::time::{Duration, Instant};

use crate::actions::media;
use crate::config::MediaConfig;
use crate::connect::media::MediaStore;
use crate::error::Result;
use crate::store::Store;
use crate::telemetry::causes;

const INTERVAL: Duration = Duration::from_secs(30);
/// Listing a bucket costs money, and little is ever abandoned.
const ABANDONED_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Cleans up until the future is dropped. Several instances may do so at a time.
pub async fn clean_up(store: Store, files: MediaStore, settings: MediaConfig) {
    // A retention below the interval is honoured, too.
    let interval = settings.retention.unwrap_or(INTERVAL).min(INTERVAL);
    let mut listed_at: Option<Instant> = None;
    loop {
        let is_late = listed_at.is_none_or(|at| at.elapsed() > ABANDONED_INTERVAL);
        if is_late {
            listed_at = Some(Instant::now());
            log_failure("could not delete abandoned media files", files.delete_abandoned().await);
        }
        log_failure("could not remove expired media files", clean_up_once(&store, &files, &settings).await);
        tokio::time::sleep(interval).await;
    }
}

async fn clean_up_once(store: &Store, files: &MediaStore, settings: &MediaConfig) -> Result<()> {
    while media::expire_pending(store).await? {}
    if let Some(retention) = settings.retention {
        while media::expire_stored(store, retention).await? {}
    }
    while files.delete_unused().await? {}
    // After the objects that do not count any more are gone.
    if let Some(max_bytes) = settings.max_bytes {
        media::expire_above(store, max_bytes as u64).await?;
    }
    Ok(())
}

fn log_failure(problem: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(reason = causes(&error), "{problem}");
    }
}
