//! Watches the state of a line, sets its webhook, and receives what its gateway does not push.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gateway::GatewayError;
use super::kinds::Kinds;
use super::lease::Leased;
use crate::telemetry::causes;

/// How often the gateway is asked for the state.
const STATE_INTERVAL: Duration = Duration::from_secs(60);
/// The same while it does not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// The longest pause while it rejects the credentials.
const MAX_REJECTED_PAUSE: Duration = Duration::from_mins(15);
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

/// What a gateway made of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It was answered.
    Given,
    /// The credentials were rejected.
    Unauthorized,
    /// Nothing that can be used.
    None,
}

async fn watch(leased: &Leased, kinds: &Kinds) -> std::convert::Infallible {
    let mut is_webhook_set = !leased.row.sets_webhook || !kinds.has_public_url();
    let mut rejections = 0;
    loop {
        let mut answer = ask(leased).await;
        if answer == Answer::Given && !is_webhook_set {
            answer = set_webhook(leased, &kinds.webhook_url(&leased.row)).await;
            is_webhook_set = answer == Answer::Given;
        }
        rejections = if answer == Answer::Unauthorized { rejections + 1 } else { 0 };
        let pause = match answer {
            Answer::Given => STATE_INTERVAL,
            Answer::Unauthorized => rejected_pause(rejections),
            Answer::None => RETRY_INTERVAL,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = leased.wake.line.notified() => rejections = 0,
        }
    }
}

/// The pause after that many rejections of the credentials in a row. Other credentials restart the watch.
fn rejected_pause(rejections: u32) -> Duration {
    STATE_INTERVAL.saturating_mul(1 << (rejections - 1).min(8)).min(MAX_REJECTED_PAUSE)
}

/// Asks for the state and stores it.
async fn ask(leased: &Leased) -> Answer {
    let (stored, answer) = match timeout(TIMEOUT, leased.gateway.state()).await {
        Ok(Ok(state)) => (leased.set_state(&state).await, Answer::Given),
        Ok(Err(error)) => (leased.set_unreachable(error.to_string()).await, Answer::of(&error)),
        Err(_) => {
            let reason = "the gateway did not answer in time".to_owned();
            (leased.set_unreachable(reason).await, Answer::None)
        }
    };
    if let Err(error) = stored {
        tracing::warn!(reason = causes(&error), "storing the state of a line failed");
    }
    answer
}

/// Sets the webhook. A gateway without webhooks has answered.
async fn set_webhook(leased: &Leased, url: &str) -> Answer {
    match timeout(TIMEOUT, leased.gateway.set_webhook(url)).await {
        Ok(Ok(()) | Err(GatewayError::Unsupported(_))) => Answer::Given,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the webhook of a connection was not set");
            Answer::of(&error)
        }
        Err(_) => Answer::None,
    }
}

impl Answer {
    fn of(error: &GatewayError) -> Self {
        if *error == GatewayError::Unauthorized { Self::Unauthorized } else { Self::None }
    }
}

async fn poll(leased: &Leased) -> std::convert::Infallible {
    loop {
        let events = leased.gateway.poll(leased).await;
        if !events.is_empty()
            && let Err(error) = leased.store_raw(events).await
        {
            tracing::warn!(reason = causes(&error), "storing the events of a gateway failed");
        }
        sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_while_credentials_are_rejected() {
        let minutes: Vec<u64> = (1..7).map(|rejections| rejected_pause(rejections).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15]);
        assert_eq!(rejected_pause(u32::MAX), MAX_REJECTED_PAUSE);
    }
}
