//! Watches the state of a line, sets its webhook, and receives what its gateway does not push.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gateway::{GatewayError, LineState};
use super::kinds::Kinds;
use super::lease::Leased;
use crate::pb::ingest_event::ConnectionStatus;
use crate::telemetry::causes;

/// How often the gateway is asked for the state.
const STATE_INTERVAL: Duration = Duration::from_secs(60);
/// The same while it does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// How often it is asked for events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(30);

/// Watches until `stop` is cancelled.
pub(super) async fn run(leased: Leased, kinds: Kinds, stop: CancellationToken) {
    tokio::select! {
        never = watch(&leased, &kinds) => match never {},
        never = poll(&leased) => match never {},
        () = stop.cancelled() => {}
    }
}

async fn watch(leased: &Leased, kinds: &Kinds) -> std::convert::Infallible {
    let mut is_webhook_set = !leased.row.sets_webhook || !kinds.has_public_url();
    loop {
        let is_answered = ask(leased).await;
        if is_answered && !is_webhook_set {
            is_webhook_set = set_webhook(leased, &kinds.webhook_url(&leased.row)).await;
        }
        sleep(if is_answered && is_webhook_set { STATE_INTERVAL } else { RETRY_INTERVAL }).await;
    }
}

/// Asks for the state and stores it. Returns whether the gateway answered.
async fn ask(leased: &Leased) -> bool {
    let answer = timeout(TIMEOUT, leased.gateway.state()).await;
    let failure = |reason: String| LineState { status: ConnectionStatus::Disconnected, reason };
    let (state, is_answered) = match answer {
        Ok(Ok(state)) => (state, true),
        Ok(Err(error)) => (failure(error.to_string()), false),
        Err(_) => (failure("the gateway did not answer in time".to_owned()), false),
    };
    if let Err(error) = leased.set_state(&state).await {
        tracing::warn!(reason = causes(&error), "storing the state of a line failed");
    }
    is_answered
}

/// Returns whether trying again is of no use.
async fn set_webhook(leased: &Leased, url: &str) -> bool {
    match timeout(TIMEOUT, leased.gateway.set_webhook(url)).await {
        Ok(Ok(()) | Err(GatewayError::Unsupported(_))) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the webhook of a connection was not set");
            false
        }
        Err(_) => false,
    }
}

async fn poll(leased: &Leased) -> std::convert::Infallible {
    loop {
        let events = leased.gateway.poll().await;
        if !events.is_empty()
            && let Err(error) = leased.store_raw(events).await
        {
            tracing::warn!(reason = causes(&error), "storing the events of a gateway failed");
        }
        sleep(POLL_INTERVAL).await;
    }
}
