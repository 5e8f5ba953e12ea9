//! Removes expired rows, analyzes grown tables, and measures the webhook lag and the queue of sends, at fixed intervals.

use std::time::Duration;

use crate::actions::{connections, events, idempotency, ingest, senders, sends, webhooks};
use crate::error::Result;
use crate::store::{Store, statistics};
use crate::telemetry::{causes, metrics};

const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);
/// The first history of a connection adds thousands of messages in that time.
const ANALYSIS_INTERVAL: Duration = Duration::from_secs(2);

/// Removes expired rows until the future is dropped.
/// Several instances may do so at a time.
pub async fn clean_up(store: Store, (event_retention, inbound_retention): (Duration, Duration)) {
    loop {
        let keys = all_batches(|| idempotency::remove_expired(&store));
        log_failure("idempotency keys", keys.await);
        let senders = all_batches(|| senders::delete_expired(&store));
        log_failure("senders", senders.await);
        let updates = all_batches(|| ingest::delete_expired(&store));
        log_failure("waiting updates", updates.await);
        let events = all_batches(|| events::remove_expired(&store, event_retention));
        log_failure("events", events.await);
        // Kept for as long as their events.
        let deliveries = all_batches(|| webhooks::remove_expired(&store, event_retention));
        log_failure("webhook deliveries", deliveries.await);
        let abandoned = all_batches(|| sends::end_abandoned(&store, event_retention));
        log_failure("sends that were not attempted", abandoned.await);
        let sent = all_batches(|| sends::remove_expired(&store, event_retention));
        log_failure("sends", sent.await);
        let inbound = all_batches(|| connections::remove_expired(&store, inbound_retention));
        log_failure("events of gateways", inbound.await);
        // A retention below the interval is honoured, too.
        tokio::time::sleep(CLEANUP_INTERVAL.min(event_retention).min(inbound_retention)).await;
    }
}

/// Removes batch by batch, so that no request waits long for a connection.
async fn all_batches<F: Future<Output = Result<bool>>>(remove: impl Fn() -> F) -> Result<()> {
    while remove().await? {}
    Ok(())
}

fn log_failure(rows: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(rows, reason = causes(&error), "could not remove expired rows");
    }
}

/// Analyzes tables that have grown much, until the future is dropped.
pub async fn analyze(store: Store) {
    loop {
        match store.read(statistics::analyze_grown).await {
            Ok(0) => {}
            Ok(tables) => tracing::info!(tables, "grown tables were analyzed"),
            Err(error) => tracing::warn!(reason = causes(&error), "could not analyze grown tables"),
        }
        tokio::time::sleep(ANALYSIS_INTERVAL).await;
    }
}

/// Records the webhook lag and the queue of sends as metrics until the future is dropped.
pub async fn measure(store: Store) {
    while metrics::are_enabled() {
        match webhooks::lag(&store).await {
            Ok(lag) => metrics::event_lag("webhooks", lag),
            Err(error) => tracing::warn!(reason = causes(&error), "could not measure the webhook lag"),
        }
        match sends::backlog(&store).await {
            Ok((queued, oldest)) => metrics::sends_queued(queued, oldest),
            Err(error) => tracing::warn!(reason = causes(&error), "could not measure the queue of sends"),
        }
        tokio::time::sleep(MEASURE_INTERVAL).await;
    }
}
