//! Asks the database whether it is there and has the schema this program needs.

use std::time::Duration;

use tokio::sync::watch;

use super::{Checks, OK};
use crate::store::{Store, readiness};
use crate::telemetry::metrics;

/// How often the database is asked while all is well, and while it is not.
const INTERVAL: Duration = Duration::from_secs(1);
const INTERVAL_UNREADY: Duration = Duration::from_millis(250);

/// How long its answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asks until the service drains.
pub(super) async fn keep_asking(store: Store, checks: watch::Sender<Checks>) {
    while checks.borrow().process == OK {
        let asking = tokio::time::timeout(TIMEOUT, store.read(readiness::schema));
        let found = match asking.await {
            Ok(Ok(schema)) => Checks::of(schema),
            Ok(Err(_)) | Err(_) => Checks::UNREACHABLE,
        };
        metrics::ready(found.is_ready());
        checks.send_if_modified(|checks| {
            let is_news = *checks != found && checks.process == OK;
            if is_news {
                tell(found);
                *checks = found;
            }
            is_news
        });
        let interval = if found.is_ready() { INTERVAL } else { INTERVAL_UNREADY };
        tokio::time::sleep(interval).await;
    }
}

fn tell(found: Checks) {
    if found.is_ready() {
        tracing::info!("ready");
    } else {
        tracing::warn!(database = found.database, schema = found.schema, "not ready");
    }
}
