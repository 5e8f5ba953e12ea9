//! Adds the events that a webhook selects to its queue, and deletes those that it may not send any more.

use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::store::events::{self, Range, RoutableEvent};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Store, StoreResult, Transaction, webhook_deliveries, webhook_queues};

/// Events that are read in one transaction.
const BATCH: usize = 256;
/// Deliveries whose events are read at a time.
const DELIVERIES: i64 = 1024;

/// What became of the next events of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// Some were added to the queue.
    Added,
    /// None was selected, and more may follow.
    Skipped,
    /// There are none, or another process adds them.
    End,
}

/// Adds those of a batch of the next events that the webhook selects.
pub(super) async fn route(store: &Store, org: OrgId, webhook: &WebhookId) -> Result<Routed> {
    let id = webhook.clone();
    store.write(org, move |tx: &mut Transaction<'_>| route_batch(tx, org, &id)).await
}

fn route_batch(tx: &mut Transaction<'_>, org: OrgId, id: &WebhookId) -> StoreResult<Routed> {
    let Some((webhook, positions)) = webhooks::lock_positions(tx, org, id)? else { return Ok(Routed::End) };
    let ranges = positions.ranges(&events::head(tx, org)?.last, BATCH);
    if ranges.is_empty() {
        return Ok(Routed::End);
    }
    webhooks::set_positions(tx, org, id, positions.after_ranges(&ranges))?;
    let count: usize = ranges.iter().map(Range::count).sum();
    let ranges: Vec<_> = ranges.into_iter().map(|range| (org, range)).collect();
    let mut selected = events::of_ranges(tx, &ranges)?;
    // Numbers have no gaps, unless an operator skipped some after a restore.
    let missing = count.saturating_sub(selected.len());
    if missing > 0 {
        tracing::warn!(webhook = %id, missing, "events expired before the webhook received them, or were skipped");
    }
    selected.retain(|event| selects(&webhook, event));
    let mut chats: Vec<i64> = selected.iter().map(|routable| routable.chat_key).collect();
    if chats.is_empty() {
        return Ok(Routed::Skipped);
    }
    chats.sort_unstable();
    chats.dedup();
    let rows: Vec<(i64, i64)> =
        selected.iter().map(|routable| (routable.event.event_id, routable.chat_key)).collect();
    webhook_deliveries::insert(tx, org, id, &rows)?;
    webhook_queues::add(tx, org, id, &chats)?;
    Ok(Routed::Added)
}

/// Deletes the webhook's deliveries of events of sessions that it does not select any more.
pub(super) fn delete_out_of_scope(
    tx: &mut Transaction<'_>,
    org: OrgId,
    webhook: &WebhookRow,
) -> StoreResult<()> {
    let (id, mut last) = (&webhook.webhook_id, i64::MIN);
    loop {
        let events = webhook_deliveries::events_after(tx, org, id, last, DELIVERIES)?;
        let Some(next) = events.last() else { return Ok(()) };
        last = next.event.event_id;
        let foreign = events.iter().filter(|routable| !is_in_scope(webhook, routable));
        let foreign: Vec<i64> = foreign.map(|routable| routable.event.event_id).collect();
        webhook_deliveries::delete(tx, org, id, &foreign)?;
    }
}

/// Whether the webhook selects the event.
fn selects(webhook: &WebhookRow, routable: &RoutableEvent) -> bool {
    events::is_selected(&routable.event.kind, &webhook.kinds) && is_in_scope(webhook, routable)
}

/// Whether the event is of the webhook's sessions, and no key's claim hides it.
fn is_in_scope(webhook: &WebhookRow, routable: &RoutableEvent) -> bool {
    let sessions = webhook.sessions.as_deref();
    let is_claimed = webhook
        .claimant
        .as_ref()
        .zip(sessions)
        .is_some_and(|(key, sessions)| routable.is_claimed(key, sessions));
    sessions.is_none_or(|sessions| routable.concerns(sessions))
        && (!is_claimed || routable.event.session_id.is_some())
}
