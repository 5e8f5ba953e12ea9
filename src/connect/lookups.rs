//! Asks the gateway about groups and LIDs: one question at a time, each at most once an hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant as Clock, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gateway::{GatewayError, Lookup};
use super::lease::Leased;
use crate::telemetry::causes;

/// How long an answer counts.
const REPEAT_AFTER: Duration = Duration::from_secs(3600);
/// A group changes, and each change asks: changes within this time are asked about together.
const REPEAT_GROUP_AFTER: Duration = Duration::from_secs(10);
/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(30);
/// Answers that are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// Asks until `stop` is cancelled.
pub(super) async fn run(
    leased: Leased,
    questions: Arc<Mutex<mpsc::Receiver<Lookup>>>,
    stop: CancellationToken,
) {
    let mut questions = questions.lock().await;
    let mut asked: BTreeMap<Lookup, Clock> = BTreeMap::new();
    loop {
        let next = tokio::select! {
            next = questions.recv() => next,
            () = stop.cancelled() => None,
        };
        let Some(question) = next else { return };
        let repeat_after = match &question {
            Lookup::Group(_) => REPEAT_GROUP_AFTER,
            Lookup::Lid(_) => REPEAT_AFTER,
        };
        if asked.get(&question).is_some_and(|at| at.elapsed() < repeat_after) {
            continue;
        }
        if asked.len() >= MAX_REMEMBERED {
            asked.clear();
        }
        if ask(&leased, &question).await {
            asked.insert(question, Clock::now());
        }
        sleep(PAUSE).await;
    }
}

/// Asks, and stores the answer. Returns whether asking again is of no use for now.
async fn ask(leased: &Leased, question: &Lookup) -> bool {
    let answer = timeout(TIMEOUT, leased.gateway.follow_up(question)).await;
    let events = match answer {
        Ok(Ok(events)) => events,
        Ok(Err(GatewayError::NotFound(_) | GatewayError::Unsupported(_))) => return true,
        Ok(Err(
            GatewayError::Unauthorized
            | GatewayError::NotAllowed
            | GatewayError::Unavailable { .. }
            | GatewayError::Unexpected(_),
        ))
        | Err(_) => return false,
    };
    if let Err(error) = leased.ingest_lists(events).await {
        tracing::warn!(reason = causes(&error), "storing the answer of a gateway failed");
        return false;
    }
    true
}
