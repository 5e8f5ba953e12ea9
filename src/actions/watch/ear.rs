//! Listens for the bell, and sees to it that there is one.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::config::Secret;
use crate::error::Result;
use crate::store::Bell;
use crate::telemetry::causes;

/// How often the bell is listened for. Also how often events are looked for at most, however many there are.
const INTERVAL: Duration = Duration::from_millis(10);

/// How long a bell that is out of order is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Says whenever there may be something new.
pub(super) async fn listen(database_url: &Secret, rung: &Notify) -> Infallible {
    loop {
        let Err(error) = listen_once(database_url, rung).await;
        tracing::warn!(
            reason = causes(&error),
            "events are not told by the database, and looked for now and then"
        );
        sleep(PAUSE).await;
    }
}

async fn listen_once(database_url: &Secret, rung: &Notify) -> Result<Infallible> {
    let mut bell = Bell::new(database_url.clone()).await?;
    // What happened before was not told.
    rung.notify_one();
    loop {
        sleep(INTERVAL).await;
        if bell.rang()? {
            rung.notify_one();
        }
    }
}
