//! Whose turn it is. Organizations take turns, so that nobody waits for the many calls of another one, and none has more than
//! its share at a time, so that nobody waits for its slow ones. What waits for one organization is done in the order it came.

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
}

#[derive(Default)]
struct Line {
    /// With the moment they came.
    waiting: VecDeque<(Instant, Job)>,
    running: u32,
}

impl Lines {
    pub(super) fn new(share: u32) -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new(), ready: 0, share }
    }

    /// How many jobs may begin as soon as there are threads for them.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Adds a job to that line. Answers the jobs of the line that nobody waits for any more: while no thread comes back
    /// (the database hangs), they would pile up.
    pub(super) fn push(&mut self, org: Option<OrgId>, job: Job, longest_wait: Duration) -> Vec<Job> {
        self.change(org, |line| {
            let is_stale = |(since, _): &(Instant, Job)| since.elapsed() > longest_wait;
            let fresh = line.waiting.iter().position(|job| !is_stale(job)).unwrap_or(line.waiting.len());
            let stale = line.waiting.drain(..fresh).map(|(_, job)| job).collect();
            line.waiting.push_back((Instant::now(), job));
            stale
        })
    }

    /// The first job of the line whose turn it is, and whose it is. [`Self::end`] is to be told when it is done.
    pub(super) fn begin(&mut self) -> Option<(Option<OrgId>, Job)> {
        let org = *self.turns.front()?;
        // The next time, all others come first.
        self.turns.rotate_left(1);
        let (_, job) = self.change(org, |line| {
            line.running += 1;
            line.waiting.pop_front()
        })?;
        Some((org, job))
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
        let mut lines = Lines::new(share);
        for org in orgs {
            lines.push(*org, Box::new(|| {}), FOREVER);
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
        lines.push(busy, Box::new(|| {}), FOREVER);
        assert_eq!(lines.ready(), 0, "it waits for its own");
        lines.push(calm, Box::new(|| {}), FOREVER);
        assert_eq!(begin(&mut lines), [calm]);
        lines.end(busy);
        assert_eq!(begin(&mut lines), [busy]);
        lines.end(calm);
        assert_eq!(begin(&mut lines), [], "that was not its own");
    }

    #[test]
    fn jobs_that_waited_too_long_are_not_ready_any_more() {
        let mut lines = lines(9, &[None, None]);
        let stale = lines.push(None, Box::new(|| {}), Duration::ZERO);
        assert_eq!((stale.len(), lines.ready()), (2, 1));
        assert_eq!(begin(&mut lines), [None]);
    }
}
