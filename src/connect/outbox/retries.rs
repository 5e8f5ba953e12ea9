//! Which commands wait for another attempt, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant as Clock;

use crate::actions::commands::Command;
use crate::actions::sends::backoff;

/// How often something is tried that the gateway answers with an error: for two minutes.
pub(super) const MAX_FAILURES: i32 = 8;
/// How long a command is tried that the gateway does not answer, at least.
const MAX_UNANSWERED: Duration = Duration::from_hours(24);
/// Pause between two rounds while commands wait for another attempt.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

/// The commands that wait for another attempt, by their ids.
#[derive(Default)]
pub(super) struct Retries {
    waiting: BTreeMap<i64, Retry>,
    next_round: Option<Clock>,
}

struct Retry {
    since: Clock,
    attempts: i32,
    /// Attempts that the gateway answered with an error.
    failures: i32,
    due_at: Clock,
}

impl Retries {
    /// Whether the next round may begin.
    pub(super) fn is_due(&self) -> bool {
        self.next_round.is_none_or(|at| at <= Clock::now())
    }

    /// Ends a round, in which all commands were applied or not.
    pub(super) fn end_round(&mut self, is_done: bool) {
        self.next_round = (!is_done).then(|| Clock::now() + ROUND_PAUSE);
    }

    /// Whether no command waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those of the pending commands that may be attempted now: new ones first, since each attempt may take long.
    pub(super) fn due(&mut self, mut pending: Vec<Command>) -> Vec<Command> {
        self.waiting.retain(|id, _| pending.iter().any(|command| command.id == *id));
        let now = Clock::now();
        pending.retain(|command| self.waiting.get(&command.id).is_none_or(|retry| retry.due_at <= now));
        pending.sort_by_key(|command| self.waiting.get(&command.id).map_or(0, |retry| retry.attempts));
        pending
    }

    /// Lets a command wait after an attempt, unless it was tried often or for long enough.
    pub(super) fn defer(&mut self, id: i64, is_failure: bool, pause: Option<Duration>) -> bool {
        let now = Clock::now();
        let first = Retry { since: now, attempts: 0, failures: 0, due_at: now };
        let retry = self.waiting.entry(id).or_insert(first);
        retry.attempts += 1;
        retry.failures += i32::from(is_failure);
        retry.due_at = now + pause.unwrap_or_else(|| backoff(retry.attempts));
        retry.failures < MAX_FAILURES && now.duration_since(retry.since) < MAX_UNANSWERED
    }

    /// The command is applied, or given up.
    pub(super) fn end(&mut self, id: i64) {
        self.waiting.remove(&id);
    }
}
