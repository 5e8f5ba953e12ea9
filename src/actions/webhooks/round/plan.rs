//! What is tried in a turn, and what is left for later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::chat::{Content, Task};
use super::missed::Missed;
use super::{PROBES, untried};
use crate::instant::Instant;
use crate::store::events::RoutableEvent;
use crate::store::webhook_deliveries::DeliveryRow;
use crate::store::webhook_turns::Telling;
use crate::store::webhooks::WebhookRow;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What to do in a turn.
#[derive(Debug)]
pub(super) struct Plan {
    /// Of each chat that is told of, what to tell in order.
    pub(super) chats: Vec<Vec<Task>>,
    /// New deliveries of chats whose oldest waits for later.
    pub(super) parked: Vec<DeliveryRow>,
    /// What is due, and whether or not it is tried.
    pub(super) missed: Missed,
    /// From when what waits of each chat is tried.
    heads: BTreeMap<i64, Instant>,
    /// Where each chat that is told of stands among them.
    places: BTreeMap<i64, usize>,
    now: Instant,
}

impl Plan {
    /// All that waits of the chats whose oldest is due. While the receiver fails of few chats, those first that were tried
    /// least: one event that it will not take keeps no other from showing that it is back.
    pub(super) fn new(waiting: Vec<DeliveryRow>, is_failing: bool, now: Instant) -> Self {
        let mut oldest: BTreeMap<i64, &DeliveryRow> = BTreeMap::new();
        for row in &waiting {
            oldest.entry(row.chat_key).or_insert(row);
        }
        let due_at = |row: &DeliveryRow| row.next_attempt_at.unwrap_or(now);
        let heads = oldest.iter().map(|(chat, row)| (*chat, due_at(row))).collect();
        let mut due: Vec<_> = oldest.values().filter(|row| due_at(row) <= now).collect();
        due.sort_by_key(|row| (if is_failing { row.attempts } else { 0 }, row.event_id));
        due.truncate(if is_failing { PROBES } else { due.len() });
        let mut missed = Missed::new(oldest.values().map(|row| row.event_id));
        let order: Vec<i64> = due.into_iter().map(|row| row.chat_key).collect();
        let mut tasks: BTreeMap<i64, Vec<Task>> = BTreeMap::new();
        let wanted: BTreeSet<i64> = order.iter().copied().collect();
        for row in waiting {
            let is_due = due_at(&row) <= now;
            if wanted.contains(&row.chat_key) {
                missed.may_be_tried(row.event_id, is_due);
                tasks.entry(row.chat_key).or_default().push(Task { row, content: Content::Later });
            } else if is_due {
                missed.is_not_tried(row);
            }
        }
        let places = order.iter().enumerate().map(|(place, chat)| (*chat, place)).collect();
        let chats = order.iter().filter_map(|chat| tasks.remove(chat)).collect();
        Self { chats, parked: Vec::new(), missed, heads, places, now }
    }

    /// Tells of one more event, which is later than all before.
    pub(super) fn add(&mut self, telling: Telling) {
        let Telling { chat_key, watched } = telling;
        let event = watched.event;
        let place = match (self.places.get(&chat_key), self.heads.get(&chat_key)) {
            (Some(place), _) => *place,
            (None, Some(head)) => {
                return self.parked.push(untried(event.event_id, chat_key, self.now.max(*head)));
            }
            (None, None) => {
                self.chats.push(Vec::new());
                *self.places.entry(chat_key).or_insert(self.chats.len() - 1)
            }
        };
        let row = untried(event.event_id, chat_key, self.now);
        if let Some(chat) = self.chats.get_mut(place) {
            chat.push(Task { row, content: Content::Event(event) });
        }
    }

    /// What there is to try so far.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.chats.iter().flatten()
    }

    /// The same, to be changed.
    pub(super) fn tasks_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        self.chats.iter_mut().flatten()
    }
}

/// Whether the webhook is told of the event.
pub(super) fn matches(webhook: &WebhookRow, watched: &RoutableEvent) -> bool {
    let is_of = |sessions: &Vec<_>| match watched.event.session_id {
        Some(session) => sessions.contains(&session),
        // What all numbers share shows in the chats of those that hold it.
        None => watched.held_by.iter().any(|session| sessions.contains(session)),
    };
    (webhook.kinds.is_empty() || webhook.kinds.contains(&watched.event.kind))
        && webhook.sessions.as_ref().is_none_or(is_of)
}

/// The pause after so many failures: it doubles with each, and is between half of that and all of it, so that those who
/// failed together are not tried together.
pub(super) fn pause_after(failures: i32, first: Duration) -> Duration {
    longest_pause(failures, first).mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

/// All of that pause.
pub(super) fn longest_pause(failures: i32, first: Duration) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(20);
    first.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_000_000);

    fn row(event_id: i64, chat_key: i64, attempts: i32, due_in: i64) -> DeliveryRow {
        DeliveryRow { attempts, ..untried(event_id, chat_key, Instant::from_micros(NOW.micros() + due_in)) }
    }

    fn planned(waiting: Vec<DeliveryRow>, is_failing: bool) -> Vec<Vec<i64>> {
        let plan = Plan::new(waiting, is_failing, NOW);
        plan.chats.iter().map(|tasks| tasks.iter().map(|task| task.row.event_id).collect()).collect()
    }

    #[test]
    fn what_waits_of_a_chat_is_tried_in_order_once_its_oldest_is_due() {
        let waiting = vec![row(1, 7, 3, 10), row(2, 8, 0, 0), row(3, 7, 0, 10), row(5, 8, 0, -1)];
        assert_eq!(planned(waiting, false), [[2, 5]]);
    }

    #[test]
    fn a_receiver_that_fails_is_tried_with_what_failed_least() {
        let waiting = vec![row(1, 1, 5, 0), row(2, 2, 1, 0), row(3, 3, 0, 0), row(4, 3, 0, 0)];
        assert_eq!(planned(waiting.clone(), true), [vec![3, 4], vec![2]]);
        assert_eq!(planned(waiting, false), [vec![1], vec![2], vec![3, 4]]);
    }

    #[test]
    fn a_pause_doubles_up_to_the_longest() {
        for (failures, longest) in [(1, 5), (2, 10), (4, 40), (9, 600), (i32::MAX, 600)] {
            let pause = pause_after(failures, Duration::from_secs(5));
            let longest = Duration::from_secs(longest);
            assert!(pause <= longest && pause >= longest / 2, "{failures}: {pause:?}");
        }
    }
}
