//! How far the feeds are behind the event log, as a metric.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant as Clock, timeout};

use crate::telemetry::metrics;

/// How often the lag is reported while a read does not end.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Awaits a read. Reports meanwhile how long ago the last one succeeded.
pub(super) async fn with_lag<T>(current_at: Clock, read: impl Future<Output = T>) -> T {
    let mut read = pin!(read);
    loop {
        match timeout(REPORT_INTERVAL, &mut read).await {
            Ok(result) => return result,
            Err(_) => metrics::event_lag("watchers", current_at.elapsed()),
        }
    }
}
