//! What the service promises while it is stressed. `make soak` tries each promise at full length with the release build on a
//! machine of its own, and holds the service to its figures. Otherwise it is tried in short, and held to what it does: a
//! debug build beside other tests knows no times.

mod figures;
mod flood;
mod killed;
mod load;
mod overload;
mod readers;
mod standstill;
mod start;
mod stops;

use std::env;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use self::figures::Figures;
use crate::support::World;

/// Whether `make soak` asks.
static IS_FULL: LazyLock<bool> = LazyLock::new(|| env::var_os("SOAK").is_some());

/// Between two looks at something.
const PAUSE: Duration = Duration::from_millis(20);

/// A size of the full form, which the short one has smaller.
fn sized<T>(short: T, full: T) -> T {
    if *IS_FULL { full } else { short }
}

/// As a setting.
fn setting(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// Waits until it is so, far longer than it takes, and says how long it took.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not in time");
        tokio::time::sleep(PAUSE).await;
    }
    begun.elapsed()
}

async fn is_ready(world: &World) -> bool {
    world.anonymous().get("/readyz").await.status == 200
}
