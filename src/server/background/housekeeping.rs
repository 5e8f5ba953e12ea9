//! What is done from time to time without anybody asking.

use std::time::Duration;

use crate::actions::{events, idempotency, senders, webhooks};
use crate::error::Error;
use crate::store::Store;
use crate::telemetry::{causes, metrics};

const INTERVAL: Duration = Duration::from_secs(60);
const MEASURE: Duration = Duration::from_secs(5);

/// Keeps house until it is dropped. Several servers may do so beside each other.
pub async fn keep(store: Store, event_retention: Duration) {
    loop {
        if let Err(error) = remove_expired_keys(&store).await {
            tracing::warn!(reason = causes(&error), "expired idempotency keys could not be removed");
        }
        if let Err(error) = delete_expired_senders(&store).await {
            tracing::warn!(reason = causes(&error), "senders that are long gone could not be removed");
        }
        if let Err(error) = remove_expired_events(&store, event_retention).await {
            tracing::warn!(reason = causes(&error), "expired events could not be removed");
        }
        if let Err(error) = remove_expired_deliveries(&store, event_retention).await {
            tracing::warn!(reason = causes(&error), "expired deliveries to webhooks could not be removed");
        }
        // What is kept for less is not kept for a minute longer.
        tokio::time::sleep(INTERVAL.min(event_retention)).await;
    }
}

/// Looks how far behind webhooks are, for the metrics, until it is dropped.
pub async fn measure(store: Store) {
    while metrics::are_kept() {
        match webhooks::lag(&store).await {
            Ok(lag) => metrics::event_lag("webhooks", lag),
            Err(error) => {
                tracing::warn!(reason = causes(&error), "it is unknown how far webhooks are behind")
            }
        }
        tokio::time::sleep(MEASURE).await;
    }
}

/// In batches, so that no call waits long for a connection.
async fn remove_expired_keys(store: &Store) -> Result<(), Error> {
    while idempotency::remove_expired(store).await? {}
    Ok(())
}

async fn delete_expired_senders(store: &Store) -> Result<(), Error> {
    while senders::delete_expired(store).await? {}
    Ok(())
}

/// In batches too.
async fn remove_expired_events(store: &Store, retention: Duration) -> Result<(), Error> {
    while events::remove_expired(store, retention).await? {}
    Ok(())
}

/// In batches too. They are kept for as long as what they tell of.
async fn remove_expired_deliveries(store: &Store, retention: Duration) -> Result<(), Error> {
    while webhooks::remove_expired(store, retention).await? {}
    Ok(())
}
