//! When a send is attempted again.

use std::time::Duration;

use uuid::Uuid;

use super::outcomes::{give_up, shortened, writer};
use crate::error::Result;
use crate::ids::OrgId;
use crate::instant::Instant;
use crate::store::sends::{QUEUED, SendRow};
use crate::store::{Store, Transaction, send_queue};

/// How long a send is tried.
pub(super) const MAX_AGE: Duration = Duration::from_hours(24);
/// The pause after the first attempt; each later one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_mins(5);

/// The pause after that many attempts, with jitter.
pub fn backoff(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or_default();
    let pause = FIRST_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    pause.mul_f64(rand::random_range(0.75..1.0))
}

/// Whether the send may be attempted again.
pub fn is_young(row: &SendRow) -> bool {
    Instant::now() < row.created_at.later_by(MAX_AGE)
}

/// Tries again later what was certainly not sent, unless it is too old. Returns the state that the attempt ends in.
pub async fn not_sent(
    store: &Store,
    org: OrgId,
    row: &SendRow,
    reason: String,
    retry_after: Option<Duration>,
) -> Result<&'static str> {
    if !is_young(row) {
        return give_up(store, org, row.send_id, format!("not sent within 24 hours: {reason}")).await;
    }
    let pause = retry_after.unwrap_or_else(|| backoff(row.attempts));
    requeue(store, org, row.send_id, pause, (reason, false)).await.map(|()| QUEUED)
}

/// Puts the send back into the queue: it may have been sent, and another attempt would not send it twice.
pub async fn repeat(store: &Store, org: OrgId, send: Uuid, pause: Duration, reason: String) -> Result<()> {
    requeue(store, org, send, pause, (reason, true)).await
}

async fn requeue(
    store: &Store,
    org: OrgId,
    send: Uuid,
    pause: Duration,
    (reason, may_be_sent): (String, bool),
) -> Result<()> {
    let reason = shortened(reason);
    let requeue =
        move |tx: &mut Transaction<'_>| send_queue::requeue(tx, org, send, pause, (&reason, may_be_sent));
    store.write(writer(org), requeue).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        for (attempts, longest) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (100, 300)] {
            let (pause, longest) = (backoff(attempts), Duration::from_secs(longest));
            assert!(pause <= longest && pause >= longest.mul_f64(0.75), "{attempts}: {pause:?}");
        }
    }
}
