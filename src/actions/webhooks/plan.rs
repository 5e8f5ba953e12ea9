//! Decides which deliveries a batch attempts and which it defers.

use std::collections::{BTreeMap, BTreeSet};

use super::outage::Outage;
use crate::instant::Instant;
use crate::store::events::{ChangeEvent, RoutableEvent};
use crate::store::webhook_deliveries::DeliveryRow;
use crate::store::webhooks::WebhookRow;

/// Chats to attempt while an endpoint fails, and failures that end such a batch.
pub(super) const MAX_PROBES: usize = 2;

/// A delivery to attempt.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) row: DeliveryRow,
    pub(super) content: Content,
}

/// The event of a delivery.
#[derive(Debug)]
pub(super) enum Content {
    Loaded(ChangeEvent),
    /// The event has been removed after its retention.
    Expired,
    /// The event is not loaded because the batch is full.
    NotLoaded,
}

/// The deliveries of one batch.
#[derive(Debug)]
pub(super) struct Plan {
    /// Deliveries to attempt: a list per chat, in event order.
    pub(super) chats: Vec<Vec<Task>>,
    /// New deliveries of chats whose oldest delivery is not due.
    pub(super) deferred: Vec<DeliveryRow>,
    /// What to record when the endpoint fails completely.
    pub(super) outage: Outage,
    /// When the oldest waiting delivery of each chat is due.
    due_at: BTreeMap<i64, Instant>,
    /// The index in `chats` of each chat that is attempted.
    indexes: BTreeMap<i64, usize>,
    now: Instant,
}

impl Plan {
    /// Plans the waiting deliveries of chats whose oldest delivery is due.
    ///
    /// While the endpoint fails, only the chats with the fewest attempts are planned, so that an event which the endpoint
    /// always rejects does not hide that the endpoint has recovered.
    pub(super) fn new(waiting: Vec<DeliveryRow>, is_failing: bool, now: Instant) -> Self {
        let mut oldest: BTreeMap<i64, &DeliveryRow> = BTreeMap::new();
        for row in &waiting {
            oldest.entry(row.chat_key).or_insert(row);
        }
        let due_at = |row: &DeliveryRow| row.next_attempt_at.unwrap_or(now);
        let mut due: Vec<_> = oldest.values().filter(|row| due_at(row) <= now).collect();
        due.sort_by_key(|row| (if is_failing { row.attempts } else { 0 }, row.event_id));
        due.truncate(if is_failing { MAX_PROBES } else { due.len() });
        let order: Vec<i64> = due.into_iter().map(|row| row.chat_key).collect();
        let mut plan = Self {
            chats: Vec::new(),
            deferred: Vec::new(),
            outage: Outage::new(oldest.values().map(|row| row.event_id)),
            due_at: oldest.iter().map(|(chat, row)| (*chat, due_at(row))).collect(),
            indexes: order.iter().enumerate().map(|(index, chat)| (*chat, index)).collect(),
            now,
        };
        let selected: BTreeSet<i64> = order.iter().copied().collect();
        let mut tasks: BTreeMap<i64, Vec<Task>> = BTreeMap::new();
        for row in waiting {
            let is_due = due_at(&row) <= now;
            if selected.contains(&row.chat_key) {
                plan.outage.add_planned(row.event_id, is_due);
                tasks.entry(row.chat_key).or_default().push(Task { row, content: Content::NotLoaded });
            } else if is_due {
                plan.outage.add_skipped(row);
            }
        }
        plan.chats = order.iter().filter_map(|chat| tasks.remove(chat)).collect();
        plan
    }

    /// Adds a new event. Events must be added in order.
    pub(super) fn add(&mut self, RoutableEvent { chat_key, event, .. }: RoutableEvent) {
        let index = match (self.indexes.get(&chat_key), self.due_at.get(&chat_key)) {
            (Some(index), _) => *index,
            (None, Some(due_at)) => {
                let row = DeliveryRow::new(event.event_id, chat_key, self.now.max(*due_at));
                return self.deferred.push(row);
            }
            (None, None) => {
                self.chats.push(Vec::new());
                *self.indexes.entry(chat_key).or_insert(self.chats.len() - 1)
            }
        };
        let row = DeliveryRow::new(event.event_id, chat_key, self.now);
        if let Some(chat) = self.chats.get_mut(index) {
            chat.push(Task { row, content: Content::Loaded(event) });
        }
    }
}

/// Whether the webhook selects the event.
pub(super) fn matches(webhook: &WebhookRow, routable: &RoutableEvent) -> bool {
    (webhook.kinds.is_empty() || webhook.kinds.contains(&routable.event.kind))
        && webhook.sessions.as_ref().is_none_or(|sessions| routable.concerns(sessions))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_000_000);

    fn row(event_id: i64, chat_key: i64, attempts: i32, due_in: i64) -> DeliveryRow {
        let due_at = Instant::from_micros(NOW.micros() + due_in);
        DeliveryRow { attempts, ..DeliveryRow::new(event_id, chat_key, due_at) }
    }

    fn planned(waiting: Vec<DeliveryRow>, is_failing: bool) -> Vec<Vec<i64>> {
        let plan = Plan::new(waiting, is_failing, NOW);
        plan.chats.iter().map(|tasks| tasks.iter().map(|task| task.row.event_id).collect()).collect()
    }

    #[test]
    fn chat_is_planned_in_order_once_its_oldest_delivery_is_due() {
        let waiting = vec![row(1, 7, 3, 10), row(2, 8, 0, 0), row(3, 7, 0, 10), row(5, 8, 0, -1)];
        assert_eq!(planned(waiting, false), [[2, 5]]);
    }

    #[test]
    fn failing_endpoint_is_probed_with_the_fewest_attempts() {
        let waiting = vec![row(1, 1, 5, 0), row(2, 2, 1, 0), row(3, 3, 0, 0), row(4, 3, 0, 0)];
        assert_eq!(planned(waiting.clone(), true), [vec![3, 4], vec![2]]);
        assert_eq!(planned(waiting, false), [vec![1], vec![2], vec![3, 4]]);
    }
}
