//! What is due while the receiver takes nothing: little of it is tried, and all of it counts as tried with that, so that
//! each change is given up as soon as the settings say.

use std::collections::BTreeSet;

use super::plan::pause_after;
use crate::config::WebhookConfig;
use crate::instant::Instant;
use crate::store::webhook_deliveries::{DEAD, DeliveryRow, WAITING};
use crate::telemetry::metrics;

/// What is due when a turn begins.
#[derive(Debug)]
pub(super) struct Missed {
    /// The oldest that waits of each chat.
    oldest: BTreeSet<i64>,
    /// Those of chats that are told of in the turn.
    due: BTreeSet<i64>,
    /// Those of all other chats.
    untouched: Vec<DeliveryRow>,
}

impl Missed {
    /// The oldest event that waits of each chat.
    pub(super) fn new(oldest: impl Iterator<Item = i64>) -> Self {
        Self { oldest: oldest.collect(), due: BTreeSet::new(), untouched: Vec::new() }
    }

    /// One of a chat that is told of in the turn.
    pub(super) fn may_be_tried(&mut self, event: i64, is_due: bool) {
        if is_due {
            self.due.insert(event);
        }
    }

    /// One that is due of a chat for which there is no time in the turn.
    pub(super) fn is_not_tried(&mut self, row: DeliveryRow) {
        self.due.insert(row.event_id);
        self.untouched.push(row);
    }

    /// Counts the turn's last try, which failed as all others since it began, as one of everything that was due. Only the
    /// oldest of a chat is given up by that: what comes after it was never in the receiver's way, and is tried first.
    pub(super) fn count(self, rows: &mut Vec<DeliveryRow>, begun: Instant, settings: &WebhookConfig) {
        let is_tried = |row: &DeliveryRow| row.attempted_at.is_some_and(|at| at >= begun);
        let last = rows.iter().filter(|row| is_tried(row)).max_by_key(|row| row.attempted_at).cloned();
        let Some(last) = last else { return };
        let now = Instant::now();
        rows.extend(self.untouched);
        for row in rows.iter_mut() {
            let is_missed = self.due.contains(&row.event_id) && !is_tried(row) && row.state == WAITING;
            let attempts = row.attempts.saturating_add(1);
            let is_last = u32::try_from(attempts).is_ok_and(|attempts| attempts >= settings.max_attempts);
            let is_oldest = self.oldest.contains(&row.event_id);
            if !is_missed || is_last && !is_oldest {
                continue;
            }
            (row.attempts, row.attempted_at) = (attempts, last.attempted_at);
            (row.status, row.error) = (last.status, last.error.clone());
            row.next_attempt_at = Some(now.later_by(pause_after(attempts, settings.initial_backoff)));
            if is_last {
                DEAD.clone_into(&mut row.state);
                row.next_attempt_at = None;
                metrics::posted("dead");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::untried;
    use super::*;

    const BEGUN: Instant = Instant::from_micros(1_000_000);

    fn waiting(event_id: i64, chat_key: i64, attempts: i32) -> DeliveryRow {
        DeliveryRow { attempts, ..untried(event_id, chat_key, BEGUN) }
    }

    #[test]
    fn all_that_is_due_counts_as_tried_and_the_oldest_of_a_chat_is_given_up() {
        let settings = WebhookConfig {
            allow_private_networks: true,
            timeout: Duration::from_secs(1),
            max_attempts: 3,
            initial_backoff: Duration::from_secs(5),
        };
        // Of chat 1 one was tried. It is the oldest of neither that what follows it is given up.
        let tried = DeliveryRow { attempted_at: Some(BEGUN), status: Some(500), ..waiting(1, 1, 1) };
        let mut rows = vec![tried, waiting(2, 1, 0), waiting(3, 1, 2), waiting(4, 1, 0)];
        let mut missed = Missed::new([1, 5, 7].into_iter());
        for (event, is_due) in [(1, true), (2, true), (3, true), (4, false)] {
            missed.may_be_tried(event, is_due);
        }
        for row in [waiting(5, 2, 2), waiting(6, 2, 2), waiting(7, 3, 0)] {
            missed.is_not_tried(row);
        }
        missed.count(&mut rows, BEGUN, &settings);
        let counted: Vec<_> =
            rows.iter().map(|row| (row.event_id, row.attempts, row.state.as_str())).collect();
        let expected = [
            (1, 1, WAITING),
            (2, 1, WAITING),
            (3, 2, WAITING),
            (4, 0, WAITING),
            (5, 3, DEAD),
            (6, 2, WAITING),
            (7, 1, WAITING),
        ];
        assert_eq!(counted, expected);
        assert!(rows.iter().all(|row| row.next_attempt_at.is_none() == (row.state == DEAD)));
        assert_eq!((rows[4].status, rows[4].attempted_at), (Some(500), Some(BEGUN)));
    }
}
