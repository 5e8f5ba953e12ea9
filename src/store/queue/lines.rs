//! Whose turn it is. Organizations take turns, so that nobody waits for the many calls of another one, and none has more than
//! its share at a time, so that nobody waits for its slow ones. What waits for one organization is done in the order it came.
//! What would not begin in time does not wait at all: to turn it away later would cost more, and help nobody.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ids::OrgId;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// A line for each organization that has jobs here, and one for the jobs that are no organization's, which has no share.
pub(super) struct Lines {
    lines: HashMap<Option<OrgId>, Line>,
    /// Whose turn it is: each line with a job that may begin, once.
    turns: VecDeque<Option<OrgId>>,
    /// How many jobs may begin.
    ready: usize,
    /// How many jobs of one organization run at a time.
    share: u32,
    /// How long anybody waits for a job to begin.
    longest_wait: Duration,
}

#[derive(Default)]
struct Line {
    /// With the moment they came.
    waiting: VecDeque<(Instant, Job)>,
    running: u32,
    /// `None` until somebody waits.
    pace: Option<Pace>,
}

/// How fast a line moves while it is never empty.
struct Pace {
    since: Instant,
    /// Jobs that have begun since then and that somebody waited for.
    begun: u32,
}

impl Lines {
    pub(super) fn new(share: u32, longest_wait: Duration) -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new(), ready: 0, share, longest_wait }
    }

    /// How many jobs may begin as soon as there are threads for them.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Adds a job to that line. Answers the jobs that will not be done: those of the line that nobody waits for any more
    /// (while no thread comes back, since the database hangs, they would pile up), and this one if it would not begin in time.
    pub(super) fn push(&mut self, org: Option<OrgId>, job: Job) -> Vec<Job> {
        let (now, longest_wait) = (Instant::now(), self.longest_wait);
        self.change(org, |line| {
            let is_fresh = |(since, _): &(Instant, Job)| now.duration_since(*since) <= longest_wait;
            let fresh = line.waiting.iter().position(is_fresh).unwrap_or(line.waiting.len());
            let mut undone: Vec<_> = line.waiting.drain(..fresh).map(|(_, job)| job).collect();
            let may_wait = match &mut line.pace {
                Some(pace) if !line.waiting.is_empty() => {
                    pace.forget(now, longest_wait);
                    pace.begins_in_time(line.waiting.len(), now, longest_wait)
                }
                pace => {
                    *pace = Some(Pace { since: now, begun: 0 });
                    true
                }
            };
            if may_wait {
                line.waiting.push_back((now, job));
            } else {
                undone.push(job);
            }
            undone
        })
    }

    /// The first job of the line whose turn it is, and whose it is. [`Self::end`] is to be told when it is done.
    pub(super) fn begin(&mut self) -> Option<(Option<OrgId>, Job)> {
        let org = *self.turns.front()?;
        // The next time, all others come first.
        self.turns.rotate_left(1);
        let longest_wait = self.longest_wait;
        self.change(org, |line| {
            line.running += 1;
            let (since, job) = line.waiting.pop_front()?;
            // What is done for somebody who has given up takes no time, and says nothing of what comes after it.
            if since.elapsed() <= longest_wait
                && let Some(pace) = &mut line.pace
            {
                pace.begun += 1;
            }
            Some((org, job))
        })
    }

    /// A job of that line is done.
    pub(super) fn end(&mut self, org: Option<OrgId>) {
        self.change(org, |line| line.running -= 1);
    }

    /// Changes a line, and what is said of it here with it.
    fn change<T>(&mut self, org: Option<OrgId>, change: impl FnOnce(&mut Line) -> T) -> T {
        let share = if org.is_some() { self.share } else { u32::MAX };
        let line = self.lines.entry(org).or_default();
        let before = line.ready(share);
        let changed = change(line);
        let after = line.ready(share);
        if line.waiting.is_empty() && line.running == 0 {
            self.lines.remove(&org);
        }
        self.ready = self.ready - before + after;
        match (before, after) {
            (0, 1..) => self.turns.push_back(org),
            (1.., 0) => self.turns.retain(|turn| *turn != org),
            _ => {}
        }
        changed
    }
}

impl Pace {
    /// Whether a job can be expected to begin in time behind so many others. The line has to have moved for as long as
    /// anybody waits before that is told: many jobs at once are not too many.
    fn begins_in_time(&self, waiting: usize, now: Instant, longest_wait: Duration) -> bool {
        let moved_for = now.duration_since(self.since);
        let each = moved_for.div_f64(f64::from(self.begun + 1));
        moved_for < longest_wait || each.mul_f64(waiting as f64) <= longest_wait
    }

    /// Has what is long ago count for less and less.
    fn forget(&mut self, now: Instant, longest_wait: Duration) {
        let moved_for = now.duration_since(self.since);
        if moved_for / 4 > longest_wait {
            self.since += moved_for / 2;
            self.begun /= 2;
        }
    }
}

impl Line {
    /// How many of its jobs may begin.
    fn ready(&self, share: u32) -> usize {
        self.waiting.len().min(share.saturating_sub(self.running) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREVER: Duration = Duration::MAX;

    fn org(number: u128) -> Option<OrgId> {
        Some(OrgId::from(uuid::Uuid::from_u128(number)))
    }

    /// Lines with a job for each of these, in that order.
    fn lines(share: u32, orgs: &[Option<OrgId>]) -> Lines {
        let mut lines = Lines::new(share, FOREVER);
        for org in orgs {
            lines.push(*org, Box::new(|| {}));
        }
        lines
    }

    /// Begins all that may begin.
    fn begin(lines: &mut Lines) -> Vec<Option<OrgId>> {
        std::iter::from_fn(|| lines.begin()).map(|(org, _)| org).collect()
    }

    #[test]
    fn organizations_take_turns() {
        let [busy, calm, new] = [1, 2, 3].map(org);
        let mut lines = lines(9, &[busy, busy, busy, calm, None, calm, new]);
        assert_eq!(lines.ready(), 7);
        let begun = begin(&mut lines);
        assert_eq!(begun, [busy, calm, None, new, busy, calm, busy]);
        for org in begun {
            lines.end(org);
        }
        assert!(lines.lines.is_empty() && lines.turns.is_empty(), "nothing is kept for those who are gone");
    }

    #[test]
    fn no_organization_has_more_than_its_share_at_a_time() {
        let [busy, calm] = [1, 2].map(org);
        let mut lines = lines(2, &[busy, busy, busy, busy, None, None, None]);
        assert_eq!(begin(&mut lines), [busy, None, busy, None, None]);
        assert_eq!(lines.ready(), 0);
        lines.push(busy, Box::new(|| {}));
        assert_eq!(lines.ready(), 0, "it waits for its own");
        lines.push(calm, Box::new(|| {}));
        assert_eq!(begin(&mut lines), [calm]);
        lines.end(busy);
        assert_eq!(begin(&mut lines), [busy]);
        lines.end(calm);
        assert_eq!(begin(&mut lines), [], "that was not its own");
    }

    #[test]
    fn jobs_that_waited_too_long_are_not_ready_any_more() {
        let mut lines = lines(9, &[None, None]);
        lines.longest_wait = Duration::ZERO;
        assert_eq!(lines.push(None, Box::new(|| {})).len(), 2);
        assert_eq!(lines.ready(), 1);
        assert_eq!(begin(&mut lines), [None]);
    }

    /// A line that has moved for that long and begun so many of its jobs, with so many that wait, and whether another may.
    fn admits(moved_for: Duration, begun: u32, waiting: usize) -> bool {
        let mut lines = lines(9, &[None].repeat(waiting));
        lines.longest_wait = WAIT;
        let line = lines.lines.entry(None).or_default();
        line.pace = Some(Pace { since: Instant::now() - moved_for, begun });
        lines.push(None, Box::new(|| {})).is_empty()
    }

    const WAIT: Duration = Duration::from_secs(1);

    #[test]
    fn what_would_not_begin_in_time_is_turned_away_at_once() {
        for moved_for in [WAIT, 10 * WAIT] {
            let begun = 100 * moved_for.div_duration_f64(WAIT) as u32;
            assert!(admits(moved_for, begun, 90), "100 in the time that each waits");
            assert!(!admits(moved_for, begun, 110));
        }
        assert!(!admits(WAIT, 0, 1), "nothing moves at all");
    }

    #[test]
    fn many_jobs_at_once_are_not_too_many() {
        assert!(admits(WAIT / 2, 0, 10_000));
        assert!(
            admits(WAIT, 0, 0) && admits(10 * WAIT, 0, 0),
            "somebody always finds out whether it moves again"
        );
    }
}
