//! Counts failed attempts while an endpoint fails completely.
//!
//! A batch then attempts only a few deliveries, but counts an attempt for every due one. Each becomes a dead letter after
//! `--webhook-max-attempts`, without a request for each of its attempts.

use std::collections::BTreeSet;

use super::backoff;
use crate::config::WebhookConfig;
use crate::instant::Instant;
use crate::store::webhook_deliveries::{DEAD, DeliveryRow, WAITING};
use crate::telemetry::metrics;

/// The deliveries that are due when a batch starts.
#[derive(Debug)]
pub(super) struct Outage {
    /// The oldest waiting event of each chat.
    oldest: BTreeSet<i64>,
    due: BTreeSet<i64>,
    /// Due deliveries that the batch does not attempt.
    skipped: Vec<DeliveryRow>,
}

impl Outage {
    /// `oldest` are the oldest waiting events of each chat.
    pub(super) fn new(oldest: impl Iterator<Item = i64>) -> Self {
        Self { oldest: oldest.collect(), due: BTreeSet::new(), skipped: Vec::new() }
    }

    /// Adds a delivery that the batch may attempt.
    pub(super) fn add_planned(&mut self, event: i64, is_due: bool) {
        if is_due {
            self.due.insert(event);
        }
    }

    /// Adds a due delivery that the batch does not attempt.
    pub(super) fn add_skipped(&mut self, row: DeliveryRow) {
        self.due.insert(row.event_id);
        self.skipped.push(row);
    }

    /// Counts the last failed attempt since `started` for every due delivery.
    ///
    /// Only the oldest delivery of a chat can become a dead letter by that: the next one was blocked, and is attempted first.
    pub(super) fn count_attempt(
        self,
        rows: &mut Vec<DeliveryRow>,
        started: Instant,
        settings: &WebhookConfig,
    ) {
        let is_attempted = |row: &DeliveryRow| row.attempted_at.is_some_and(|at| at >= started);
        let last = rows.iter().filter(|row| is_attempted(row)).max_by_key(|row| row.attempted_at).cloned();
        let Some(last) = last else { return };
        let now = Instant::now();
        rows.extend(self.skipped);
        for row in rows.iter_mut() {
            let is_counted = self.due.contains(&row.event_id) && !is_attempted(row) && row.state == WAITING;
            let attempts = row.attempts.saturating_add(1);
            let is_last = u32::try_from(attempts).is_ok_and(|attempts| attempts >= settings.max_attempts);
            if !is_counted || is_last && !self.oldest.contains(&row.event_id) {
                continue;
            }
            (row.attempts, row.attempted_at) = (attempts, last.attempted_at);
            (row.status, row.error) = (last.status, last.error.clone());
            row.next_attempt_at = Some(now.later_by(backoff::jittered(attempts, settings.initial_backoff)));
            if is_last {
                DEAD.clone_into(&mut row.state);
                row.next_attempt_at = None;
                metrics::webhook_attempted("dead");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STARTED: Instant = Instant::from_micros(1_000_000);

    fn waiting(event_id: i64, chat_key: i64, attempts: i32) -> DeliveryRow {
        DeliveryRow { attempts, ..DeliveryRow::new(event_id, chat_key, STARTED) }
    }

    #[test]
    fn outage_counts_every_due_delivery_and_kills_only_the_oldest() {
        let settings = WebhookConfig {
            allow_private_networks: true,
            timeout: Duration::from_secs(1),
            max_attempts: 3,
            initial_backoff: Duration::from_secs(5),
        };
        let attempted = DeliveryRow { attempted_at: Some(STARTED), status: Some(500), ..waiting(1, 1, 1) };
        let mut rows = vec![attempted, waiting(2, 1, 0), waiting(3, 1, 2), waiting(4, 1, 0)];
        let mut outage = Outage::new([1, 5, 7].into_iter());
        for (event, is_due) in [(1, true), (2, true), (3, true), (4, false)] {
            outage.add_planned(event, is_due);
        }
        for row in [waiting(5, 2, 2), waiting(6, 2, 2), waiting(7, 3, 0)] {
            outage.add_skipped(row);
        }
        outage.count_attempt(&mut rows, STARTED, &settings);
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
        assert_eq!((rows[4].status, rows[4].attempted_at), (Some(500), Some(STARTED)));
    }
}
