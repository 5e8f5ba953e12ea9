//! Adds the events that a webhook selects to its queue.

use crate::error::Result;
use crate::ids::{OrgId, WebhookId};
use crate::store::events::{self, RoutableEvent};
use crate::store::webhooks::{self, WebhookRow};
use crate::store::{Store, StoreResult, Transaction, webhook_deliveries, webhook_queues};

/// Events that are read in one transaction.
const BATCH: usize = 256;

/// What became of the next events of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Routed {
    /// Some were added to the queue.
    Added,
    /// None was selected, and more may follow.
    Skipped,
    /// There are none, or another process adds them.
    End,
}

/// Adds the next events that the webhook selects. Returns whether there were any.
pub(super) async fn route(store: &Store, org: OrgId, webhook: &WebhookId) -> Result<bool> {
    loop {
        let id = webhook.clone();
        match store.write(org, move |tx: &mut Transaction<'_>| route_batch(tx, org, &id)).await? {
            Routed::Added => return Ok(true),
            Routed::Skipped => {}
            Routed::End => return Ok(false),
        }
    }
}

fn route_batch(tx: &mut Transaction<'_>, org: OrgId, id: &WebhookId) -> StoreResult<Routed> {
    let Some((webhook, positions)) = webhooks::lock_positions(tx, org, id)? else { return Ok(Routed::End) };
    let ranges = positions.ranges(&events::head(tx, org)?.last, BATCH);
    if ranges.is_empty() {
        return Ok(Routed::End);
    }
    webhooks::set_positions(tx, org, id, positions.after_ranges(&ranges))?;
    let ranges: Vec<_> = ranges.into_iter().map(|range| (org, range)).collect();
    let mut selected = events::of_ranges(tx, &ranges)?;
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

/// Whether the webhook selects the event.
fn selects(webhook: &WebhookRow, routable: &RoutableEvent) -> bool {
    let sessions = webhook.sessions.as_deref();
    let is_claimed = webhook
        .claimant
        .as_ref()
        .zip(sessions)
        .is_some_and(|(key, sessions)| routable.is_claimed(key, sessions));
    events::is_selected(&routable.event.kind, &webhook.kinds)
        && sessions.is_none_or(|sessions| routable.concerns(sessions))
        && (!is_claimed || routable.event.session_id.is_some())
}
