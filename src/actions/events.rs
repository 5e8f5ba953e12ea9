//! Removal of change events after their retention.

use std::time::Duration;

use super::retention;
use crate::error::Result;
use crate::store::{Store, events};

/// Removes a batch of expired events. Returns whether there may be more.
pub async fn remove_expired(store: &Store, retention: Duration) -> Result<bool> {
    let read = move |connection: &mut _| events::expired(connection, retention, retention::BATCH);
    retention::delete(store, store.read(read).await?, events::delete).await
}
