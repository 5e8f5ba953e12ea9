//! Telling a webhook of one chat: one event after the other, up to the first that the receiver does not take.

use std::sync::atomic::Ordering;

use super::Round;
use super::plan::pause_after;
use crate::actions::webhooks::dispatcher::{AttemptResult, DeliveryRequest, WebhookSender};
use crate::instant::Instant;
use crate::store::events::ChangeEvent;
use crate::store::webhook_deliveries::{DEAD, DELIVERED, DeliveryRow, WAITING};
use crate::telemetry::metrics;

/// An event to be told.
#[derive(Debug)]
pub(super) struct Task {
    /// What became of it so far.
    pub(super) row: DeliveryRow,
    pub(super) content: Content,
}

/// What there is to tell.
#[derive(Debug)]
pub(super) enum Content {
    Event(ChangeEvent),
    /// It is no longer kept.
    Gone,
    /// It was not looked up: there is too much before it.
    Later,
}

/// Tells of the events in order until one is not taken, and says what became of each.
pub(super) async fn deliver_chat<P: WebhookSender>(
    round: &Round<'_, P>,
    tasks: Vec<Task>,
) -> Vec<DeliveryRow> {
    let mut rows = Vec::with_capacity(tasks.len());
    // From when the rest is tried, once something is in its way.
    let mut blocked = None;
    for Task { mut row, content } in tasks {
        let content = if blocked.is_none() && round.goes_on() { content } else { Content::Later };
        match content {
            Content::Event(event) => {
                let answered = post(round, event).await;
                note(round, &mut row, answered);
                blocked = (row.state != DELIVERED).then(|| row.next_attempt_at.unwrap_or_else(Instant::now));
            }
            Content::Gone => {
                row.state = DEAD.to_owned();
                row.error = Some("what changed is no longer kept".to_owned());
                row.next_attempt_at = None;
            }
            Content::Later => {
                row.next_attempt_at = Some(*blocked.get_or_insert_with(Instant::now));
            }
        }
        rows.push(row);
    }
    rows
}

async fn post<P: WebhookSender>(round: &Round<'_, P>, event: ChangeEvent) -> AttemptResult {
    let Some(secret) = round.secret.clone() else {
        return AttemptResult::NoResponse("the key of its secret is gone: rotate the secret");
    };
    let (org, webhook) = (round.org, &round.turn.webhook);
    let delivery =
        DeliveryRequest { org, webhook: webhook.webhook_id.clone(), url: webhook.url.clone(), secret, event };
    round.dispatcher.post.send(&delivery).await
}

/// Writes down what the receiver said, and what follows from it.
fn note<P>(round: &Round<'_, P>, row: &mut DeliveryRow, answered: AttemptResult) {
    let now = Instant::now();
    row.attempts = row.attempts.saturating_add(1);
    row.attempted_at = Some(now);
    (row.status, row.error) = match answered {
        AttemptResult::Status(status) => (Some(i32::from(status)), None),
        AttemptResult::NoResponse(why) => (None, Some(why.to_owned())),
    };
    let settings = &round.dispatcher.settings;
    let is_taken = matches!(answered, AttemptResult::Status(200..=299));
    let is_last = u32::try_from(row.attempts).is_ok_and(|attempts| attempts >= settings.max_attempts);
    let (state, outcome) = match (is_taken, is_last) {
        (true, _) => (DELIVERED, "delivered"),
        (false, true) => (DEAD, "dead"),
        (false, false) => (WAITING, "failed"),
    };
    state.clone_into(&mut row.state);
    let pause = || now.later_by(pause_after(row.attempts, settings.initial_backoff));
    row.next_attempt_at = (state == WAITING).then(pause);
    let counter = if is_taken { &round.delivered } else { &round.failed };
    counter.fetch_add(1, Ordering::Relaxed);
    metrics::posted(outcome);
}
